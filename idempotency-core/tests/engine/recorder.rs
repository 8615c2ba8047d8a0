//! A recorder that writes the completion into a file, together with the business data.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use idempotency_core::engine::{
    Begun, CompletionResult, Execution, RecordError, Recorder, RecorderRefused, Writes,
};
use idempotency_core::store::memory::MemoryStore;
use idempotency_core::store::{Completion, Hold, Lease, Store as _};
use idempotency_core::{
    Attachment, Fence, Idempotency, OnExpired, OnOutage, Outcome, Policy, RunError, StoreError,
    StoreErrorKind,
};

use crate::gate::Gate;
use crate::{Seen, delivery};

const LEASE: Duration = Duration::from_secs(30);

/// How the recorder behaves.
#[derive(Clone, Copy, PartialEq, Debug)]
enum Mode {
    Records,
    Fails,
    /// It fails, and its rollback never ends.
    FailsAndHangs,
    /// The reply is lost, before or after the file was written.
    ReplyLost {
        written: bool,
    },
    /// It never answers, before or after the file was written.
    Silent {
        written: bool,
    },
    /// The reply is lost, and the recorder cannot find out either.
    Unknowable,
}

/// A file with one line for each effect and one for each completion.
struct File(PathBuf);

impl File {
    fn new(test: &str) -> Self {
        let path = std::env::temp_dir().join(format!("recorder-{test}-{}", std::process::id()));
        std::fs::write(&path, "").unwrap();
        Self(path)
    }

    fn count(&self, line: &str) -> usize {
        count(&self.0, line)
    }
}

impl Drop for File {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

fn count(path: &Path, line: &str) -> usize {
    std::fs::read_to_string(path).unwrap().lines().filter(|written| *written == line).count()
}

/// A recorder that keeps the record in a store, and commits the completion with the effect to a file.
struct FileRecorder {
    store: MemoryStore,
    path: PathBuf,
    effect: Option<String>,
    mode: Mode,
    rolled_back: Arc<AtomicUsize>,
}

impl FileRecorder {
    async fn commit(&mut self, completion: &Completion, writes: Writes) -> Result<(), RecordError> {
        if self.store.complete(completion).await.unwrap() == Hold::Lost {
            return Err(RecordError::not_recorded("no row was changed"));
        }
        let effect = self.effect.take().filter(|_| writes == Writes::Keep);
        let text = effect.map(|effect| format!("{effect}\n")).unwrap_or_default();
        let mut file = std::fs::OpenOptions::new().append(true).open(&self.path).unwrap();
        writeln!(file, "{text}completed {}", completion.lease.fence()).unwrap();
        Ok(())
    }
}

#[async_trait]
impl Recorder for FileRecorder {
    async fn record(&mut self, completion: &Completion, writes: Writes) -> Result<(), RecordError> {
        match self.mode {
            Mode::Records => self.commit(completion, writes).await,
            Mode::Fails | Mode::FailsAndHangs => Err(RecordError::not_recorded("a constraint")),
            Mode::Unknowable => Err(RecordError::unknown("the connection was lost")),
            Mode::ReplyLost { written } => {
                if written {
                    self.commit(completion, writes).await?;
                }
                Err(RecordError::unknown("the reply was lost"))
            }
            Mode::Silent { written } => {
                if written {
                    self.commit(completion, writes).await?;
                }
                std::future::pending().await
            }
        }
    }

    async fn roll_back(&mut self) {
        self.effect = None;
        self.rolled_back.fetch_add(1, Ordering::SeqCst);
        if self.mode == Mode::FailsAndHangs {
            std::future::pending::<()>().await;
        }
    }

    async fn is_recorded(&mut self, lease: &Lease) -> Result<bool, StoreError> {
        match self.mode {
            Mode::Unknowable => Err(StoreError::new("file", StoreErrorKind::Unavailable)),
            _ => Ok(count(&self.path, &format!("completed {}", lease.fence())) > 0),
        }
    }
}

/// An engine, its store and a file.
struct Case {
    gate: Gate,
    seen: Seen,
    engine: Idempotency,
    file: File,
    rolled_back: Arc<AtomicUsize>,
}

impl Case {
    fn new(test: &str) -> Self {
        let (gate, seen) = (Gate::new(MemoryStore::new()), Seen::default());
        let policy = Policy::webhook().with_wait(Duration::ZERO);
        let engine = Idempotency::new(gate.clone()).with_observer(seen.clone()).with_policy(policy);
        Self { gate, seen, engine, file: File::new(test), rolled_back: Arc::default() }
    }

    fn recorder(&self, mode: Mode) -> FileRecorder {
        FileRecorder {
            store: self.gate.store.clone(),
            path: self.file.0.clone(),
            effect: Some("effect".to_owned()),
            mode,
            rolled_back: Arc::clone(&self.rolled_back),
        }
    }

    async fn begin(&self) -> Begun {
        self.engine.begin(delivery("k")).await.unwrap()
    }

    async fn run(&self) -> Execution {
        match self.begin().await {
            Begun::Run(execution) => execution,
            other => panic!("not granted: {other:?}"),
        }
    }

    /// Runs a handler that sets a recorder, and completes the execution.
    async fn completed(&self, mode: Mode) -> (CompletionResult, Fence) {
        let mut execution = self.run().await;
        let context = execution.context().clone();
        let recorder = self.recorder(mode);
        execution.renew_while(async { context.set_recorder(recorder).unwrap() }).await;
        let fence = execution.context().fence();
        (execution.complete(Outcome::new("done")).await, fence)
    }

    fn rolled_back(&self) -> usize {
        self.rolled_back.load(Ordering::SeqCst)
    }

    /// Asserts that the store's own `complete` was never called.
    fn assert_store_did_not_complete(&self) {
        assert_eq!(self.gate.completions.load(Ordering::SeqCst), 0);
    }
}

#[tokio::test]
async fn the_recorder_records_in_place_of_the_store() {
    let case = Case::new("records");
    assert_eq!(case.completed(Mode::Records).await.0, CompletionResult::Recorded);
    assert_eq!((case.file.count("effect"), case.seen.count("completed")), (1, 1));
    assert!(matches!(case.begin().await, Begun::Replay(_)));
    case.assert_store_did_not_complete();
}

#[tokio::test]
async fn a_recorder_that_fails_is_a_failed_attempt_and_frees_the_key() {
    let case = Case::new("fails");
    assert_eq!(case.completed(Mode::Fails).await.0, CompletionResult::RecorderFailed);
    assert_eq!((case.file.count("effect"), case.rolled_back()), (0, 1));
    assert_eq!(case.seen.count("recorder_failed"), 1);
    case.assert_store_did_not_complete();
    assert_eq!(case.run().await.context().attempt(), 2);
}

#[tokio::test(start_paused = true)]
async fn after_a_lost_reply_the_recorder_finds_out_whether_it_recorded() {
    for written in [true, false] {
        let case = Case::new(&format!("reply-{written}"));
        let result = case.completed(Mode::ReplyLost { written }).await.0;
        let expected = if written { CompletionResult::Recorded } else { CompletionResult::RecorderFailed };
        assert_eq!(result, expected);
        assert_eq!(case.file.count("effect"), usize::from(written));
        case.assert_store_did_not_complete();
        match (case.begin().await, written) {
            (Begun::Replay(_), true) => {}
            (Begun::Run(execution), false) => assert_eq!(execution.context().attempt(), 2),
            (other, _) => panic!("{other:?}"),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_recorder_that_never_answers_is_asked_at_the_end_of_the_lease_whether_it_recorded() {
    for written in [true, false] {
        let case = Case::new(&format!("silent-{written}"));
        let began = tokio::time::Instant::now();
        let result = case.completed(Mode::Silent { written }).await.0;
        assert!(began.elapsed() <= LEASE);
        let expected = if written { CompletionResult::Recorded } else { CompletionResult::RecorderFailed };
        assert_eq!((result, case.file.count("effect")), (expected, usize::from(written)));
        case.assert_store_did_not_complete();
    }
}

#[tokio::test(start_paused = true)]
async fn if_the_recorder_cannot_find_out_the_lease_is_left_to_run_out() {
    let case = Case::new("unknowable");
    assert_eq!(case.completed(Mode::Unknowable).await.0, CompletionResult::RecorderFailed);
    assert_eq!((case.seen.count("recorder_failed"), case.seen.count("left_to_expire")), (1, 1));
    assert!(matches!(case.begin().await, Begun::Conflict { .. }), "it is not released");
    tokio::time::advance(LEASE).await;
    assert_eq!(case.run().await.context().attempt(), 2);
    case.assert_store_did_not_complete();
}

#[tokio::test(start_paused = true)]
async fn a_recorder_that_lost_its_lease_undoes_everything() {
    let case = Case::new("lost");
    let execution = case.run().await;
    execution.context().set_recorder(case.recorder(Mode::Records)).unwrap();
    tokio::time::advance(2 * LEASE).await;
    let successor = case.run().await;
    assert_eq!(execution.complete(Outcome::new("late")).await, CompletionResult::RecorderFailed);
    assert_eq!((case.file.count("effect"), case.rolled_back()), (0, 1));
    successor.context().set_recorder(case.recorder(Mode::Records)).unwrap();
    assert_eq!(successor.complete(Outcome::new("done")).await, CompletionResult::Recorded);
    assert_eq!(case.file.count("effect"), 1);
}

#[tokio::test(start_paused = true)]
async fn an_execution_whose_lease_is_known_to_be_lost_is_not_recorded() {
    let case = Case::new("known-lost");
    let mut execution = case.run().await;
    execution.context().set_recorder(case.recorder(Mode::Records)).unwrap();
    let taken = async {
        case.engine.store().forget(execution_digest(&case)).await.unwrap();
        tokio::time::sleep(LEASE).await;
    };
    execution.renew_while(taken).await;
    assert_eq!(execution.complete(Outcome::new("late")).await, CompletionResult::Lost);
    assert_eq!((case.file.count("effect"), case.rolled_back()), (0, 1));
}

fn execution_digest(case: &Case) -> idempotency_core::KeyDigest {
    let delivery = delivery("k");
    case.engine.digest_of(delivery.scope(), delivery.key())
}

#[tokio::test]
async fn a_refusal_is_recorded_without_the_handlers_writes() {
    let case = Case::new("refusal");
    let execution = case.run().await;
    execution.context().set_recorder(case.recorder(Mode::Records)).unwrap();
    let result = execution.complete_with(Outcome::new("no"), Writes::RollBack).await;
    assert_eq!((result, case.file.count("effect")), (CompletionResult::Recorded, 0));
    assert!(matches!(case.begin().await, Begun::Replay(_)));
}

#[tokio::test]
async fn a_failure_and_a_panic_undo_the_handlers_writes_before_the_key_is_free() {
    let case = Case::new("failure");
    let execution = case.run().await;
    execution.context().set_recorder(case.recorder(Mode::Records)).unwrap();
    execution.fail().await;
    assert_eq!(case.rolled_back(), 1);
    let (engine, recorder) = (case.engine.clone(), case.recorder(Mode::Records));
    let panicked = tokio::spawn(async move {
        let work = engine.run(delivery("k"), move |context| async move {
            context.set_recorder(recorder).unwrap();
            assert!(context.attempt() != 2, "this handler panics");
            Ok::<(), ()>(())
        });
        work.await
    });
    assert!(panicked.await.unwrap_err().is_panic());
    assert_eq!(case.rolled_back(), 2);
    assert_eq!((case.file.count("effect"), case.run().await.context().attempt()), (0, 3));
}

#[tokio::test(start_paused = true)]
async fn a_recording_that_is_dropped_midway_is_checked_in_the_background() {
    for written in [true, false] {
        let case = Case::new(&format!("dropped-{written}"));
        let execution = case.run().await;
        execution.context().set_recorder(case.recorder(Mode::Silent { written })).unwrap();
        let completion = execution.complete(Outcome::new("done"));
        assert!(tokio::time::timeout(Duration::from_secs(1), completion).await.is_err());
        assert!(case.engine.drain(LEASE).await);
        case.assert_store_did_not_complete();
        match (case.begin().await, written) {
            (Begun::Replay(_), true) => {}
            (Begun::Run(execution), false) => assert_eq!(execution.context().attempt(), 2),
            (other, _) => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn a_recorder_can_be_set_once_and_only_under_a_claim() {
    let case = Case::new("refused");
    let execution = case.run().await;
    let context = execution.context().clone();
    context.set_recorder(case.recorder(Mode::Records)).unwrap();
    assert_eq!(context.set_recorder(case.recorder(Mode::Records)), Err(RecorderRefused::AlreadySet));
    let _ = execution.complete(Outcome::new("done")).await;
    assert_eq!(context.set_recorder(case.recorder(Mode::Records)), Err(RecorderRefused::Ended));
    case.gate.shut(true);
    let proceeding = case.engine.clone().map_policy(|policy| policy.with_on_outage(OnOutage::Proceed));
    let Begun::Unprotected(context) = proceeding.begin(delivery("other")).await.unwrap() else {
        panic!("expected a run without a claim")
    };
    assert_eq!(context.set_recorder(case.recorder(Mode::Records)), Err(RecorderRefused::Unprotected));
}

#[tokio::test]
async fn under_in_doubt_a_failed_recording_leaves_the_key_in_doubt() {
    let case = Case::new("in-doubt");
    let engine = case.engine.clone().map_policy(|policy| {
        policy.with_on_expired(OnExpired::InDoubt).with_attachment(Attachment::LeaveWithCaller)
    });
    let recorder = case.recorder(Mode::Fails);
    let ran = engine.run(delivery("k"), move |context| async move {
        context.set_recorder(recorder).unwrap();
        Ok::<(), ()>(())
    });
    assert!(matches!(ran.await, Err(RunError::RecorderFailed)));
    assert!(matches!(engine.begin(delivery("k")).await.unwrap(), Begun::InDoubt));
}

#[tokio::test(start_paused = true)]
async fn a_rollback_that_never_ends_blocks_neither_the_answer_nor_the_key() {
    let case = Case::new("rollback-hangs");
    let completed = tokio::time::timeout(LEASE, case.completed(Mode::FailsAndHangs)).await;
    assert_eq!(completed.expect("it is answered").0, CompletionResult::RecorderFailed);
    assert_eq!(case.rolled_back(), 1);
    assert!(matches!(case.begin().await, Begun::Run(_)));
    assert!(case.engine.drain(LEASE).await);
}
