use std::collections::VecDeque;
use std::fmt;
use std::sync::Mutex;

use async_trait::async_trait;
use idempotency_core::store::Hold;
use idempotency_core::{StoreError, StoreErrorKind};
use tokio::sync::watch;
use tokio::time::{advance, sleep, timeout};

use super::super::{DeadMessage, Failure, Held, OutboxCounts};
use super::*;

const HOUR: Duration = Duration::from_secs(3600);

/// Messages without a database.
struct Fake {
    waiting: Mutex<VecDeque<Message>>,
    /// Why each message has ended, if it has failed.
    ended: Mutex<Vec<(i64, Option<String>)>>,
    /// How many looks fail before one succeeds.
    failing: Mutex<u32>,
    /// How many messages the database can answer with at once.
    most: usize,
    pushes: watch::Sender<()>,
}

impl Fake {
    fn new(messages: i64) -> Self {
        Self {
            waiting: Mutex::new((1..=messages).map(Message::example).collect()),
            ended: Mutex::default(),
            failing: Mutex::default(),
            most: usize::MAX,
            pushes: watch::Sender::new(()),
        }
    }

    fn end(&self, held: Held, error: Option<String>) -> Hold {
        self.ended.lock().unwrap().push((held.id, error));
        Hold::Held
    }

    /// Waits until this many messages have ended.
    async fn until_ended(&self, count: usize) {
        let ended = async {
            while self.ended.lock().unwrap().len() < count {
                sleep(Duration::from_secs(1)).await;
            }
        };
        timeout(HOUR / 2, ended).await.expect("all messages end");
    }
}

#[async_trait]
impl Messages for Fake {
    fn pushes(&self) -> watch::Receiver<()> {
        self.pushes.subscribe()
    }

    async fn lease(&self, max: u32, _: Duration) -> Result<Vec<Message>, StoreError> {
        let mut waiting = self.waiting.lock().unwrap();
        let count = waiting.len().min(max as usize);
        let mut failing = self.failing.lock().unwrap();
        if *failing > 0 || count > self.most {
            *failing = failing.saturating_sub(1);
            return Err(StoreError::new("fake", StoreErrorKind::Unavailable));
        }
        Ok(waiting.drain(..count).collect())
    }

    async fn renew(&self, _: Held, _: Duration) -> Result<Hold, StoreError> {
        Ok(Hold::Held)
    }

    async fn delete(&self, held: Held) -> Result<Hold, StoreError> {
        Ok(self.end(held, None))
    }

    async fn fail(&self, held: Held, failure: &Failure) -> Result<Hold, StoreError> {
        Ok(self.end(held, Some(failure.error.clone())))
    }

    async fn counts(&self) -> Result<OutboxCounts, StoreError> {
        Ok(OutboxCounts::default())
    }

    async fn dead(&self, _: i64, _: u32) -> Result<Vec<DeadMessage>, StoreError> {
        Ok(Vec::new())
    }

    async fn retry_dead(&self, _: i64) -> Result<bool, StoreError> {
        Ok(false)
    }

    async fn drop_dead(&self, _: i64) -> Result<bool, StoreError> {
        Ok(false)
    }
}

fn relay(messages: &Arc<Fake>) -> Relay {
    Relay::new(Arc::<Fake>::clone(messages), |_| async { Ok::<_, String>(()) })
}

#[tokio::test(start_paused = true)]
async fn the_longest_lease_and_poll_interval_end_nothing() {
    let messages = Arc::new(Fake::new(1));
    let relay = relay(&messages).with_lease(Duration::MAX).with_poll_interval(Duration::MAX).start();
    messages.until_ended(1).await;
    messages.waiting.lock().unwrap().push_back(Message::example(2));
    messages.pushes.send_replace(());
    messages.until_ended(2).await;
    assert!(relay.stop(HOUR).await);
}

#[tokio::test(start_paused = true)]
async fn a_look_that_fails_is_soon_repeated() {
    let messages = Arc::new(Fake::new(1));
    *messages.failing.lock().unwrap() = 3;
    let relay = relay(&messages).with_poll_interval(HOUR).start();
    messages.until_ended(1).await;
    assert!(relay.stop(HOUR).await);
}

/// Their payloads may be larger than what the database can send in time.
#[tokio::test(start_paused = true)]
async fn messages_that_cannot_be_taken_at_once_are_taken_one_by_one() {
    let mut messages = Fake::new(20);
    messages.most = 1;
    let messages = Arc::new(messages);
    let relay = relay(&messages).start();
    messages.until_ended(20).await;
    assert!(relay.stop(HOUR).await);
}

#[tokio::test(start_paused = true)]
async fn a_message_whose_lease_has_run_out_is_not_handed_over() {
    let messages = Arc::new(Fake::new(2));
    let called: Arc<Mutex<Vec<i64>>> = Arc::default();
    let calls = Arc::clone(&called);
    let handler = move |message: Message| {
        calls.lock().unwrap().push(message.id());
        async {
            // As if it had blocked the thread.
            advance(HOUR).await;
            Ok::<_, String>(())
        }
    };
    let relay = Relay::new(Arc::<Fake>::clone(&messages), handler).start();
    sleep(Duration::from_secs(1)).await;
    assert!(relay.stop(HOUR).await);
    assert_eq!(*called.lock().unwrap(), [1]);
}

#[tokio::test(start_paused = true)]
async fn an_error_that_cannot_be_printed_is_a_panic_of_the_closure() {
    #[derive(Debug)]
    struct Unprintable;
    impl fmt::Display for Unprintable {
        fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
            panic!("ouch")
        }
    }
    impl std::error::Error for Unprintable {}

    let messages = Arc::new(Fake::new(1));
    let relay = Relay::new(Arc::<Fake>::clone(&messages), |_| async { Err::<(), _>(Unprintable) }).start();
    messages.until_ended(1).await;
    assert!(relay.stop(HOUR).await);
    let ended = messages.ended.lock().unwrap();
    assert_eq!(*ended, [(1, Some("the closure panicked: ouch".to_owned()))]);
}
