//! Recording: completes an execution with its handler's recorder.

use std::pin::pin;
use std::sync::PoisonError;
use std::time::Duration;

use super::budget::{answered, bounded};
use super::execution::Stage;
use super::recorder::RecorderCell;
use super::{CompletionResult, Event, Execution, RecordError, Recorder, Runtime, Writes};
use crate::{Lease, StoreError};

/// The pause between calls that ask a recorder whether it has recorded.
const RETRY_PAUSE: Duration = Duration::from_millis(250);

impl Execution {
    /// Asks the recorder, if there is one, to undo the handler's writes.
    pub(super) async fn roll_back(&mut self) {
        let recorder = self.context.close_recorder();
        self.undo(recorder).await;
    }

    /// Asks a recorder to undo the handler's writes. Drops one that takes longer than the store timeout.
    pub(super) async fn undo(&self, recorder: Option<Box<dyn Recorder>>) {
        if let Some(mut recorder) = recorder {
            let limit = self.engine.policy().store_timeout();
            bounded(self.engine.runtime(), limit, pin!(recorder.roll_back())).await;
        }
    }

    /// Asks the recorder to record.
    ///
    /// The store is never used instead, because the recorder holds the handler's writes.
    pub(super) async fn record(&mut self, recorder: Box<dyn Recorder>, writes: Writes) -> CompletionResult {
        let runtime = self.engine.runtime();
        let store_timeout = self.engine.policy().store_timeout();
        let left = self
            .context
            .lease_state()
            .map_or(store_timeout, |state| state.end().saturating_sub(runtime.now()));
        self.stage = Stage::Recording(recorder.into());
        let Stage::Recording(recorder) = &mut self.stage else { unreachable!("it was set just now") };
        let recorder = exclusive(recorder);
        let limit = left.max(store_timeout);
        let recorded = bounded(runtime, limit, pin!(recorder.record(&self.completion, writes))).await;
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
            true => ask_if_recorded(runtime, store_timeout, recorder, &self.completion.lease).await,
        };
        match is_recorded {
            Ok(true) => {
                self.stage = Stage::Ended;
                self.observe(Event::Completed);
                return CompletionResult::Recorded;
            }
            Ok(false) => {
                let _ = bounded(runtime, store_timeout, pin!(recorder.roll_back())).await;
                self.stage = Stage::Ending(self.failure());
                self.observe(Event::RecorderFailed(&error));
                self.end().await;
            }
            // The recording may still be under way, so the lease is left to run out.
            Err(cause) => {
                self.stage = Stage::Ended;
                self.observe(Event::RecorderFailed(&error));
                self.observe(Event::LeftToExpire(&cause));
            }
        }
        CompletionResult::RecorderFailed
    }

    /// Finds out whether a dropped recorder has recorded, for up to one lease.
    pub(super) async fn ask_in_background(self, mut recorder: RecorderCell) {
        let recorder = exclusive(&mut recorder);
        let (runtime, lease) = (self.engine.runtime(), self.engine.policy().lease());
        match ask_if_recorded(runtime, lease, recorder, &self.completion.lease).await {
            Ok(true) => self.observe(Event::Completed),
            Ok(false) => {
                let _ = bounded(runtime, lease, pin!(recorder.roll_back())).await;
                let failure = self.failure();
                self.end_in_background(failure).await;
            }
            Err(error) => self.observe(Event::LeftToExpire(&error)),
        }
    }
}

fn exclusive(recorder: &mut RecorderCell) -> &mut dyn Recorder {
    &mut **recorder.get_mut().unwrap_or_else(PoisonError::into_inner)
}

/// Asks a recorder whether it has recorded, and repeats the question within `budget` while it cannot answer.
async fn ask_if_recorded(
    runtime: &dyn Runtime,
    budget: Duration,
    recorder: &mut dyn Recorder,
    lease: &Lease,
) -> Result<bool, StoreError> {
    let end = runtime.now().saturating_add(budget);
    loop {
        let left = end.saturating_sub(runtime.now());
        match answered(runtime, left, recorder.is_recorded(lease)).await {
            Err(error) if error.is_transient() && runtime.now().saturating_add(RETRY_PAUSE) < end => {
                runtime.sleep(RETRY_PAUSE).await;
            }
            answer => return answer,
        }
    }
}
