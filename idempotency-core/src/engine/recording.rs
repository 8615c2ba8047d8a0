//! Recording: a completion that a handler's recorder writes, in place of the store.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use super::budget::{answered, bounded};
use super::execution::Stage;
use super::{CompletionResult, Event, Execution, RecordError, Recorder, Runtime, Writes};
use crate::{Completion, Lease, Outcome, StoreError};

/// The pause between questions whether a recorder has recorded.
const PAUSE: Duration = Duration::from_millis(250);

/// A recorder that only its owner reaches: a mutex that is never locked makes it `Sync`, which a recorder need not be.
pub(super) type Exclusive = Mutex<Box<dyn Recorder>>;

impl Execution {
    /// Has the recorder undo what the handler wrote, where there is one.
    pub(super) async fn roll_back(&mut self) {
        let recorder = self.context.close_recorder();
        self.undo(recorder).await;
    }

    /// Has a recorder undo what the handler wrote. One that takes longer than a store may is dropped.
    pub(super) async fn undo(&self, recorder: Option<Box<dyn Recorder>>) {
        if let Some(mut recorder) = recorder {
            let limit = self.engine.policy().store_timeout();
            bounded(self.engine.runtime(), limit, recorder.roll_back()).await;
        }
    }

    /// Has the recorder record. Never the store instead: what the handler wrote is in the recorder's hands.
    pub(super) async fn record(
        &mut self,
        recorder: Box<dyn Recorder>,
        outcome: Outcome,
        writes: Writes,
    ) -> CompletionResult {
        let completion = Completion::new(self.lease.clone(), outcome, self.engine.policy().retention());
        let runtime = self.engine.runtime();
        let least = self.engine.policy().store_timeout();
        let left =
            self.context.lease_state().map_or(least, |state| state.end().saturating_sub(runtime.now()));
        self.stage = Stage::Recording(recorder.into());
        let Stage::Recording(recorder) = &mut self.stage else { unreachable!("it was set just now") };
        let recorder = exclusive(recorder);
        let recorded = bounded(runtime, left.max(least), recorder.record(&completion, writes)).await;
        let timed_out = || Err(RecordError::unknown("the recorder did not answer within the lease"));
        let error = match recorded.unwrap_or_else(timed_out) {
            Ok(()) => {
                self.stage = Stage::Ended;
                self.observe(Event::Completed);
                return CompletionResult::Recorded;
            }
            Err(error) => error,
        };
        let is_recorded = match error.is_unknown() {
            false => Ok(false),
            true => find_out(runtime, least, recorder, &self.lease).await,
        };
        match is_recorded {
            Ok(true) => {
                self.stage = Stage::Ended;
                self.observe(Event::Completed);
                return CompletionResult::Recorded;
            }
            Ok(false) => {
                let _ = bounded(runtime, least, recorder.roll_back()).await;
                self.stage = Stage::Ending(self.failure());
                self.observe(Event::NotRecorded(&error));
                self.end().await;
            }
            // The lease is left to run out: the recording may still be under way.
            Err(cause) => {
                self.stage = Stage::Ended;
                self.observe(Event::NotRecorded(&error));
                self.observe(Event::Unsettled(&cause));
            }
        }
        CompletionResult::NotRecorded
    }

    /// Finds out what a recorder did that was dropped, for a lease's time.
    pub(super) async fn find_out_in_background(self, mut recorder: Exclusive) {
        let recorder = exclusive(&mut recorder);
        let (runtime, lease) = (self.engine.runtime(), self.engine.policy().lease());
        match find_out(runtime, lease, recorder, &self.lease).await {
            Ok(true) => self.observe(Event::Completed),
            Ok(false) => {
                let _ = bounded(runtime, lease, recorder.roll_back()).await;
                let failure = self.failure();
                self.end_in_background(failure).await;
            }
            Err(error) => self.observe(Event::Unsettled(&error)),
        }
    }
}

fn exclusive(recorder: &mut Exclusive) -> &mut dyn Recorder {
    &mut **recorder.get_mut().unwrap_or_else(PoisonError::into_inner)
}

/// Asks a recorder whether it has recorded, for as long as `budget` while it cannot tell.
async fn find_out(
    runtime: &dyn Runtime,
    budget: Duration,
    recorder: &mut dyn Recorder,
    lease: &Lease,
) -> Result<bool, StoreError> {
    let end = runtime.now().saturating_add(budget);
    loop {
        let left = end.saturating_sub(runtime.now());
        match answered(runtime, left, recorder.is_recorded(lease)).await {
            Err(error) if error.is_transient() && runtime.now().saturating_add(PAUSE) < end => {
                runtime.sleep(PAUSE).await;
            }
            answer => return answer,
        }
    }
}
