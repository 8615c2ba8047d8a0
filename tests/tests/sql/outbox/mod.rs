//! The outbox: messages are committed with a handler's transaction, and a relay hands them over.

mod backlog;
mod leases;
mod operator;
mod order;
mod outages;
mod pushes;
mod relays;

use std::time::Duration;

use idempotency_core::{IdempotencyContext, Ran};
use idempotency_sqlx::outbox::{Message, Relay, RelayTask};
use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};

use crate::transaction::{Error, PATIENCE, Process, Result, Transaction, delivery};

/// The number of messages in the table.
const MESSAGES: &str = "SELECT count(*) FROM idempotency_outbox";

/// Delivers an event whose handler pushes these payloads with the topic `charge`.
async fn push(process: &Process, event: &str, ordering_key: Option<&str>, payloads: &[&str]) -> Result {
    let payloads: Vec<_> = payloads.iter().map(ToString::to_string).collect();
    let ordering_key = ordering_key.map(ToOwned::to_owned);
    let handler = async move |mut transaction: Transaction, context: IdempotencyContext| {
        for payload in payloads {
            push_one(&mut transaction, ordering_key.as_deref(), &payload).await?;
        }
        Ok::<_, Error>(context.attempt())
    };
    process.store.run_in_transaction(&process.engine, delivery(event), handler).await
}

async fn push_one(
    transaction: &mut Transaction,
    ordering_key: Option<&str>,
    payload: &str,
) -> std::result::Result<String, sqlx::Error> {
    let outbox = transaction.outbox();
    match ordering_key {
        Some(key) => outbox.ordered_by(key).push("charge", payload).await,
        None => outbox.push("charge", payload).await,
    }
}

/// A process whose only event has pushed these payloads.
async fn having_pushed(ordering_key: Option<&str>, payloads: &[&str]) -> Process {
    let process = Process::alone().await;
    assert_eq!(push(&process, "evt", ordering_key, payloads).await.unwrap(), Ran::Executed(1));
    process
}

/// A relay that does not keep a test waiting.
fn quick(relay: Relay) -> Relay {
    relay
        .with_poll_interval(Duration::from_millis(10))
        .with_backoff(Duration::from_millis(10), Duration::from_millis(20))
}

/// The messages that relays have handed over.
struct Calls {
    sender: UnboundedSender<Message>,
    receiver: UnboundedReceiver<Message>,
}

impl Calls {
    fn new() -> Self {
        let (sender, receiver) = mpsc::unbounded_channel();
        Self { sender, receiver }
    }

    /// A relay whose calls all succeed.
    fn relay(&self, process: &Process) -> Relay {
        let calls = self.sender.clone();
        quick(process.store.outbox().relay(move |message| {
            let sent = calls.send(message);
            async move { sent.map_err(|_| "the test has ended") }
        }))
    }

    /// A relay whose calls succeed from this attempt on.
    fn relay_failing_before(&self, attempt: u32, process: &Process) -> Relay {
        let calls = self.sender.clone();
        quick(process.store.outbox().relay(move |message: Message| {
            let fails = message.attempt() < attempt;
            calls.send(message).unwrap();
            async move { if fails { Err("refused") } else { Ok(()) } }
        }))
    }

    /// A relay whose calls never end.
    fn relay_hanging(&self, process: &Process) -> Relay {
        let calls = self.sender.clone();
        quick(process.store.outbox().relay(move |message| {
            calls.send(message).unwrap();
            std::future::pending::<std::result::Result<(), Error>>()
        }))
    }

    async fn next(&mut self) -> Message {
        tokio::time::timeout(PATIENCE, self.receiver.recv()).await.expect("a call").unwrap()
    }

    /// The next call, as its payload and its attempt.
    async fn next_text(&mut self) -> (String, u32) {
        let message = self.next().await;
        (text(&message), message.attempt())
    }

    fn is_empty(&self) -> bool {
        self.receiver.is_empty()
    }
}

fn text(message: &Message) -> String {
    String::from_utf8(message.payload().to_vec()).unwrap()
}

/// Stops a relay that has nothing in hand.
async fn stop(relay: RelayTask) {
    assert!(relay.stop(PATIENCE).await, "nothing is in hand");
}
