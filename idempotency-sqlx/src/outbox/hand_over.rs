//! One message in hand: the closure runs under a lease, and the result is written down.

use std::any::Any;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use idempotency_core::store::Hold;
use tokio::time::{Instant, sleep, sleep_until, timeout_at};

use super::backoff::Backoff;
use super::relay::{BoxError, Handler};
use super::{Failure, Held, Message, Messages};

/// The pauses between two tries of an operation that fails: the first, and the longest.
const RETRY_PAUSES: (Duration, Duration) = (Duration::from_millis(50), Duration::from_millis(500));
/// How much of an error is kept, in characters.
const ERROR_CHARS: usize = 500;
/// The error of a message whose last attempts ended without one.
const CUT_OFF: &str = "the relay ended, or lost its lease, in each attempt since the last error";

/// How messages are handed over.
pub(super) struct HandOver {
    pub(super) messages: Arc<dyn Messages>,
    pub(super) handler: Arc<Handler>,
    pub(super) lease: Duration,
    pub(super) backoff: Backoff,
}

impl HandOver {
    /// Hands over a message whose lease was asked for at `asked_at`.
    pub(super) async fn run(&self, message: Message, asked_at: Instant) {
        let (held, attempt) = (message.held(), message.attempt());
        tracing::debug!(target: "idempotency", id = held.id, topic = message.topic(), attempt, "a message is handed over");
        // An attempt that died with its process has left no error, but it counts: a message that kills its relay must
        // not do so for ever.
        if attempt > self.backoff.attempts {
            return self.fail(held, attempt, CUT_OFF.to_owned()).await;
        }
        // The thread may have been blocked since, and another relay may have the message.
        if Instant::now() >= asked_at + self.lease {
            tracing::warn!(
                target: "idempotency",
                id = held.id,
                attempt,
                "a message was not handed over, because its lease has run out"
            );
            return;
        }
        let handler = Arc::clone(&self.handler);
        // Printing the error is the closure's code too, and may panic.
        let call = async move { handler(message).await.map_err(|error| describe(&error)) };
        let call = AssertUnwindSafe(call).catch_unwind();
        let ended = tokio::select! {
            biased;
            ended = call => ended,
            // Another relay may take the message from now on, so this one stops.
            () = self.lease_lost(held, asked_at) => {
                tracing::warn!(target: "idempotency", id = held.id, attempt, "a message was cut off, because its lease is lost");
                return;
            }
        };
        match ended {
            Ok(Ok(())) => self.delete(held).await,
            Ok(Err(error)) => self.fail(held, attempt, error).await,
            Err(panic) => self.fail(held, attempt, describe_panic(&*panic)).await,
        }
    }

    /// Renews the lease until it is lost, or has run out by this process's clock.
    async fn lease_lost(&self, held: Held, mut asked_at: Instant) {
        loop {
            let end = asked_at + self.lease;
            let mut next = asked_at + self.lease / 3;
            loop {
                sleep_until(next.min(end)).await;
                let now = Instant::now();
                if now >= end {
                    return;
                }
                match timeout_at(end, self.messages.renew(held, self.lease)).await {
                    Ok(Ok(Hold::Held)) => {
                        asked_at = now;
                        break;
                    }
                    Ok(Ok(Hold::Lost)) | Err(_) => return,
                    Ok(Err(error)) => {
                        tracing::debug!(target: "idempotency", ?error, id = held.id, "a lease was not renewed");
                        next = Instant::now() + RETRY_PAUSES.0;
                    }
                }
            }
        }
    }

    async fn delete(&self, held: Held) {
        self.write(held, || self.messages.delete(held)).await;
    }

    async fn fail(&self, held: Held, attempt: u32, error: String) {
        let failure = Failure { error, pause: self.backoff.after(attempt) };
        match failure.pause {
            Some(pause) => {
                tracing::warn!(target: "idempotency", id = held.id, attempt, ?pause, "a message was not handed over");
            }
            None => tracing::error!(target: "idempotency", id = held.id, attempt, "a message is dead"),
        }
        self.write(held, || self.messages.fail(held, &failure)).await;
    }

    /// Writes the end of an attempt. Repeats this until the database answers, or the message would be handed over again.
    async fn write<F>(&self, held: Held, operation: impl Fn() -> F)
    where
        F: Future<Output = Result<Hold, idempotency_core::StoreError>>,
    {
        let mut pause = RETRY_PAUSES.0;
        loop {
            match operation().await {
                Ok(Hold::Held) => return,
                // Another relay has taken over, or this is a repeat.
                Ok(Hold::Lost) => {
                    tracing::debug!(target: "idempotency", id = held.id, "the end of an attempt was already written, or is late");
                    return;
                }
                Err(error) => {
                    tracing::warn!(target: "idempotency", ?error, id = held.id, "the end of an attempt was not written");
                }
            }
            sleep(pause).await;
            pause = (pause * 2).min(RETRY_PAUSES.1);
        }
    }
}

/// An error with its causes, shortened.
fn describe(error: &BoxError) -> String {
    let causes = std::iter::successors(Some(&**error as &dyn std::error::Error), |error| error.source());
    shorten(&causes.map(ToString::to_string).collect::<Vec<_>>().join(": "))
}

fn describe_panic(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied();
    let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    shorten(&format!("the closure panicked: {}", text.unwrap_or("no text")))
}

/// The part that is kept. A text in PostgreSQL cannot contain the character 0.
fn shorten(text: &str) -> String {
    text.chars().filter(|character| *character != '\0').take(ERROR_CHARS).collect()
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;

    #[test]
    fn an_error_is_kept_with_its_causes_up_to_a_length_and_without_zeros() {
        let error: BoxError = Box::new(
            idempotency_core::StoreError::new("bank", idempotency_core::StoreErrorKind::Unavailable)
                .with_source(io::Error::other("no\0 route")),
        );
        let text = describe(&error);
        assert!(text.ends_with(": no route"), "{text}");
        assert_eq!(describe(&"ä".repeat(600).into()), "ä".repeat(500));
    }

    #[test]
    fn a_panic_is_kept_as_an_error() {
        assert_eq!(describe_panic(&"ouch"), "the closure panicked: ouch");
        assert_eq!(describe_panic(&"ouch".to_owned()), "the closure panicked: ouch");
        assert_eq!(describe_panic(&7), "the closure panicked: no text");
    }
}
