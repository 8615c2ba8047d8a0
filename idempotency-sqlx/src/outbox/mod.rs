//! The outbox: calls to other systems that are made after a handler's transaction has committed.
//!
//! A handler [pushes](OutboxWriter::push) messages in its [transaction](crate::IdempotentTransaction). They are committed
//! together with its rows and the record, or not at all. After the commit, a [relay](Outbox::relay) hands each message to
//! a closure, at least once. [The page on the outbox] says what is promised, and what is not.
//!
//! [The page on the outbox]: crate::docs::outbox

mod backoff;
mod hand_over;
mod message;
mod operator;
mod relay;
mod rows;
mod writer;

pub use message::Message;
pub use operator::{DeadMessage, Outbox, OutboxCounts};
pub use relay::{Relay, RelayTask};
pub use writer::OutboxWriter;

#[cfg(any(feature = "postgres", feature = "sqlite"))]
pub(crate) use message::{COLUMNS, read_counts, read_dead, read_message};
pub(crate) use rows::{Failure, Held, Insert, Messages, NewMessage};
pub(crate) use writer::Pushing;
