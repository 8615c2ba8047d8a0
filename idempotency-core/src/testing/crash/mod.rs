//! Runs a handler with a crash at each of its points, and counts its effects.
//!
//! ```
//! use idempotency_core::testing::crash::{CrashKit, Effects};
//! use idempotency_core::{Delivery, IdempotencyContext, Key, Scope, Verified};
//!
//! # #[tokio::main(flavor = "current_thread")] async fn main() {
//! async fn pay(context: IdempotencyContext, bank: Effects) -> Result<(), std::io::Error> {
//!     let idempotency_key = context.derive_key("charge"); // the same at every attempt
//!     bank.record_once("charge", context.key().as_str(), &idempotency_key).await;
//!     Ok(())
//! }
//!
//! let proof = Verified::by_other_means(b"a message from a queue that only we can write to");
//! let delivery = Delivery::new(&proof, Scope::endpoint("orders"), Key::new("order-42").unwrap());
//! let kit = CrashKit::new(delivery, || (), |context, effects, ()| pay(context, effects));
//! let report = kit.run().await;
//! report.assert_each_effect_once();
//! # assert_eq!(report.points().len(), 6);
//! # }
//! ```
//!
//! The kit first runs the handler without a fault, and notes its points: before and after each call of the store,
//! before and after each effect that the handler reports to [`Effects`], and at each await of the handler or of a
//! recorder. Then it runs these schedules, each with a world and a store of its own:
//!
//! - **A crash at each point.** The process is gone, as after `SIGKILL`: its tasks end, nothing is released, and
//!   no later call reaches the store or the effects. "After a call" means that the call took effect and its reply was lost.
//! - **A pause at each point**, while a duplicate arrives at a second process and is answered.
//! - **A takeover at each pair of points.** The first process is paused for longer than its lease. A duplicate arrives
//!   at a second process, which takes over and is paused at the second point. Then the first process continues to its
//!   end, and after it the second.
//!
//! After each schedule, the sender delivers again, each time after the lease, until the delivery is acknowledged. Then
//! it delivers once more.
//!
//! # What each assertion checks
//!
//! | Assertion | Fails if |
//! |---|---|
//! | [`assert_each_effect_once`](CrashReport::assert_each_effect_once) | an effect happened twice, or an event was lost |
//! | [`assert_no_event_lost`](CrashReport::assert_no_event_lost) | a delivery is acknowledged and lacks an effect, or is never acknowledged and not in doubt |
//! | [`assert_at_most`](CrashReport::assert_at_most) | an effect happened more than the given number of times |
//! | all of them | the final duplicate was executed or not acknowledged; the store granted a key that was held or completed, answered with two outcomes for one key, or changed a record for a superseded lease; a fence did not grow; or the handler took a different path to a point than in the run without a fault |
//!
//! A handler without [idempotency keys](IdempotencyContext::derive_key) for its effects fails `assert_each_effect_once`
//! under [`OnExpired::Rerun`], because [no store can prevent this](crate::docs::guarantees). Under
//! [`OnExpired::InDoubt`] it passes `assert_at_most(1)`.
//!
//! # What a handler may use
//!
//! Tokio's time is paused, and jumps to the next timer if nothing else is left to do. So a handler may sleep without
//! making the test slower. A handler or a store that waits for a socket, a file or a thread needs
//! [`CrashKit::in_real_time`]. The same delivery must lead to the same calls and effects in each run. Effects in a task
//! that the handler spawns count too, until the process crashes. Destructors run, unlike in a process that is killed,
//! but none reaches the store or the effects.
//!
//! The cost grows with the square of the number of points. A handler with ten steps has about 1,400 schedules, which take
//! less than ten seconds in a debug build with the memory store.

mod course;
mod effects;
mod kit;
mod point;
mod process;
mod report;
mod runtime;
mod schedule;
mod store;
mod witness;

#[cfg(test)]
mod tests;

pub use effects::Effects;
pub use kit::CrashKit;
pub use report::{CrashReport, CrashRun};
pub use runtime::CrashClock;

#[cfg(doc)]
use crate::{IdempotencyContext, OnExpired};
