//! The engine: claims, renews and records, with and without HTTP. Only here does a decision meet an `await`.

mod batch;
mod begin;
mod budget;
pub(crate) mod context;
mod ending;
mod execution;
mod flow;
pub(crate) mod idempotency;
mod lease_state;
mod observer;
#[cfg(feature = "tokio")]
mod owner_pool;
mod recorder;
mod recording;
mod renewal;
pub(crate) mod run;
mod runtime;
mod suspended;
mod tasks;
mod tracker;
mod undo;
mod waiters;

#[cfg(all(test, feature = "memory"))]
mod tests;

pub use batch::{Batch, BatchContext, BatchItem, BatchResult, ItemResult, RanBatch};
pub use begin::Begun;
pub use execution::{CompletionResult, Execution};
pub use observer::{Event, HandlerFailure, Observation, Observer, TracingObserver};
pub use recorder::{RecordError, Recorder, RecorderRefused, Writes};
pub use runtime::Runtime;
#[cfg(feature = "tokio")]
pub use runtime::TokioRuntime;
pub use suspended::{AdoptError, Adoption, SuspendError, Suspended};
pub use tracker::Tracked;

pub(crate) use budget::bounded;
pub(crate) use flow::{BatchFlow, Conclusion, Flow};
#[cfg(feature = "testing")]
pub(crate) use observer::WithSources;

// Their public paths are at the root.
use crate::{Idempotency, IdempotencyContext, RunError};
