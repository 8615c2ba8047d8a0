//! The twelve points: a process is killed at each, or stopped for longer than its lease and resumed. One table has the
//! expected results.

use std::future::ready;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use crate::backing::Backing;
use clap::ValueEnum as _;
use futures_util::{FutureExt as _, StreamExt as _, stream};
use idempotency_core::clock;
use idempotency_core::store::{RecordView, StateView, Store};
use idempotency_tests::demo::{
    Answer, Delivery, Demo, Framework, Ledger, Setup, eventually, in_flight_in, record_in,
};
use idempotency_tests::faults::{FaultAt, Point, Signal};

use Found::{Completed, Held, LeftToExpire, Nothing, Released};
use Lead::{Duplicate, Failing, Plain, Slow};

const LEASE: Duration = Duration::from_secs(2);

/// How long an expected event may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// The number of concurrent cases.
const AT_A_TIME: usize = 6;

/// How a process gets to the point.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Lead {
    /// With a delivery.
    Plain,
    /// With a delivery whose first attempt fails.
    Failing,
    /// With a delivery whose first attempt takes longer than a lease.
    Slow,
    /// With a duplicate of a delivery that the other server executes.
    Duplicate,
}

/// The state of the record when the process is struck.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Found {
    Nothing,
    Held,
    Released,
    Completed,
    /// Held or completed.
    LeftToExpire,
}

struct Row {
    point: Point,
    lead: Lead,
    found: Found,
    /// The `idempotency-status` of the retry at the other server.
    retry: &'static str,
    /// The attempts in the order of their lines in the ledger.
    killed: &'static [u32],
    stopped: &'static [u32],
    /// The answer of a stopped process after it resumes.
    late: (u16, &'static str),
}

const TABLE: [Row; 12] = [
    row(Point::BeforeClaim, Plain, Nothing, "executed", [&[1], &[1]], (200, "replayed")),
    row(Point::AfterClaim, Plain, Held, "executed", [&[2], &[2]], (200, "replayed")),
    // The stopped handler has checked its lease already and writes late: a file cannot be fenced.
    row(Point::BeforeEffect, Plain, Held, "executed", [&[2], &[2, 1]], (503, "conflict")),
    row(Point::AfterEffect, Plain, Held, "executed", [&[1, 2], &[1, 2]], (503, "conflict")),
    row(Point::BeforeRenew, Slow, Held, "executed", [&[2], &[2]], (503, "executed")),
    row(Point::AfterRenew, Slow, Held, "executed", [&[2], &[2]], (503, "executed")),
    row(Point::BeforeComplete, Plain, Held, "executed", [&[1, 2], &[1, 2]], (503, "conflict")),
    row(Point::AfterComplete, Plain, Completed, "replayed", [&[1], &[1]], (200, "executed")),
    row(Point::BeforeRelease, Failing, Held, "executed", [&[2], &[2]], (500, "executed")),
    row(Point::AfterRelease, Failing, Released, "executed", [&[2], &[2]], (500, "executed")),
    row(Point::BeforeWait, Duplicate, LeftToExpire, "replayed", [&[1], &[1]], (200, "replayed")),
    row(Point::AfterWait, Duplicate, LeftToExpire, "replayed", [&[1], &[1]], (200, "replayed")),
];

const fn row(
    point: Point,
    lead: Lead,
    found: Found,
    retry: &'static str,
    [killed, stopped]: [&'static [u32]; 2],
    late: (u16, &'static str),
) -> Row {
    Row { point, lead, found, retry, killed, stopped, late }
}

#[test]
fn the_table_has_every_point() {
    assert!(TABLE.iter().map(|row| &row.point).eq(Point::value_variants()));
}

#[tokio::test]
async fn a_process_killed_at_a_point_leaves_the_state_in_the_table() {
    at_each_point(Signal::Kill, Backing::redis().await).await;
}

#[tokio::test]
async fn a_process_killed_at_a_point_leaves_the_state_in_the_table_of_postgresql() {
    at_each_point(Signal::Kill, Backing::postgres().await).await;
}

#[tokio::test]
async fn a_process_killed_at_a_point_leaves_the_state_in_the_table_of_sqlite() {
    at_each_point(Signal::Kill, Backing::sqlite()).await;
}

#[tokio::test]
async fn a_process_stopped_at_a_point_overwrites_nothing_when_it_resumes() {
    at_each_point(Signal::Stop, Backing::redis().await).await;
}

#[tokio::test]
async fn a_process_stopped_at_a_point_overwrites_nothing_in_postgresql_when_it_resumes() {
    at_each_point(Signal::Stop, Backing::postgres().await).await;
}

#[tokio::test]
async fn a_process_stopped_at_a_point_overwrites_nothing_in_sqlite_when_it_resumes() {
    at_each_point(Signal::Stop, Backing::sqlite()).await;
}

async fn at_each_point(signal: Signal, backing: Backing) {
    let stage = Stage::start(backing).await;
    let stage = &stage;
    let cases = TABLE.iter().flat_map(|row| Framework::BOTH.map(|framework| (row, framework)));
    let ended = stream::iter(cases).map(async |(row, framework)| {
        let case = Case { stage, row, framework, signal };
        let end = AssertUnwindSafe(case.play()).catch_unwind().await;
        end.err().map(|_| case.name())
    });
    let failed: Vec<_> = ended.buffer_unordered(AT_A_TIME).filter_map(ready).collect().await;
    assert!(failed.is_empty(), "{failed:?}");
}

/// Shared by all cases: a store, a ledger, and a server of each kind without faults.
struct Stage {
    backing: Backing,
    store: Arc<dyn Store>,
    ledger: Ledger,
    axum: Demo,
    actix: Demo,
}

impl Stage {
    async fn start(backing: Backing) -> Self {
        let (store, ledger) = (backing.store(), Ledger::new());
        let setup = |framework| setup(framework, &backing, &ledger).with("--wait", "0s");
        let (axum, actix) = (setup(Framework::Axum).start().await, setup(Framework::Actix).start().await);
        Self { backing, store, ledger, axum, actix }
    }

    async fn record(&self, key: &str) -> Option<RecordView> {
        record_in(&*self.store, "github", key).await
    }

    fn attempts(&self, key: &str) -> Vec<u32> {
        self.ledger.lines_of(key).iter().map(|line| line.attempt).collect()
    }
}

fn setup(framework: Framework, backing: &Backing, ledger: &Ledger) -> Setup {
    Setup::new(framework, &backing.url(), ledger).with("--lease", "2s")
}

struct Case<'a> {
    stage: &'a Stage,
    row: &'static Row,
    framework: Framework,
    signal: Signal,
}

impl Case<'_> {
    fn name(&self) -> String {
        format!("{}-{}-{:?}", self.row.point, self.signal, self.framework)
    }

    async fn play(&self) {
        let Self { stage, row, .. } = self;
        let key = self.name();
        let delivery = Delivery::github(&key);
        let fault = FaultAt { point: row.point, signal: self.signal, time: 1 };
        let setup = setup(self.framework, &stage.backing, &stage.ledger);
        let struck = setup.with("--wait", "30s").with_fault_at(fault).start().await;

        let elsewhere = match row.lead {
            Duplicate => {
                let sending = self.other().delivering(&delivery.clone().steered("delay_ms=3000"));
                in_flight_in(&*stage.store, "github", &key).await;
                Some(sending)
            }
            _ => None,
        };
        let sending = struck.delivering(&match row.lead {
            Plain | Duplicate => delivery.clone(),
            Failing => delivery.clone().steered("fail_times=1"),
            Slow => delivery.clone().steered("delay_ms=3000"),
        });
        let strike = eventually("the strike", PATIENCE, async || struck.strike()).await;
        assert_eq!(strike.fault, fault);
        let found = stage.record(&key).await;
        assert!(row.found.is(found.as_ref()), "{:?} is not {found:?}", row.found);

        let answer = self.retry(&delivery).await;
        answer.assert_is(200, row.retry);
        let settled = self.completed(&key).await;
        if let (Held, Some(found)) = (row.found, &found) {
            // Redis counts leases in milliseconds.
            let lease = u64::try_from((LEASE - Duration::from_millis(1)).as_micros()).expect("it is short");
            assert!(settled.fence.get() >= found.fence.get() + lease, "{settled:?} over {found:?}");
        }
        if let Some(elsewhere) = elsewhere {
            elsewhere.await.expect("it is not aborted").expect("it is answered").assert_is(200, "executed");
        }

        match self.signal {
            Signal::Kill => {
                sending.await.expect("it is not aborted").expect_err("a killed process does not answer");
                assert!(!struck.exit().await.success());
                assert_eq!(stage.attempts(&key), row.killed);
            }
            Signal::Stop => {
                let over = Duration::from_micros(strike.at) + LEASE + LEASE / 4;
                tokio::time::sleep(over.saturating_sub(clock::system_unix_time())).await;
                struck.resume();
                let late = sending.await.expect("it is not aborted").expect("it resumes");
                late.assert_is(row.late.0, row.late.1);
                assert_eq!(stage.attempts(&key), row.stopped);
                self.assert_replays(&struck, &delivery, &answer).await;
            }
        }
        for demo in [&stage.axum, &stage.actix] {
            self.assert_replays(demo, &delivery, &answer).await;
        }
        let last = self.completed(&key).await;
        assert_eq!((last.fence, last.attempts), (settled.fence, settled.attempts));
        let lines = stage.ledger.lines_of(&key);
        assert_eq!(lines.iter().map(|line| line.fence).max(), Some(last.fence.get()), "{lines:?}");
    }

    /// The server without faults of the other kind.
    fn other(&self) -> &Demo {
        match self.framework {
            Framework::Axum => &self.stage.actix,
            Framework::Actix => &self.stage.axum,
        }
    }

    /// Delivers at the other server until it is acknowledged, which is at once unless the key is held.
    async fn retry(&self, delivery: &Delivery) -> Answer {
        let may_be_held = matches!(self.row.found, Held | LeftToExpire);
        eventually("an acknowledgement", PATIENCE, async || {
            let answer = self.other().deliver(delivery).await;
            if may_be_held && answer.status == 503 {
                answer.assert_is(503, "conflict");
                return None;
            }
            Some(answer)
        })
        .await
    }

    /// The record of an acknowledged key.
    async fn completed(&self, key: &str) -> RecordView {
        let record = self.stage.record(key).await.expect("it was acknowledged");
        assert!(matches!(record.state, StateView::Completed(_)), "{record:?}");
        record
    }

    async fn assert_replays(&self, demo: &Demo, delivery: &Delivery, answer: &Answer) {
        let replayed = demo.deliver(delivery).await;
        replayed.assert_is(200, "replayed");
        assert_eq!(replayed.recorded(), answer.recorded());
    }
}

impl Found {
    fn is(self, record: Option<&RecordView>) -> bool {
        match record.map(|record| &record.state) {
            None => self == Nothing,
            Some(StateView::InFlight { .. } | StateView::Abandoned) => matches!(self, Held | LeftToExpire),
            Some(StateView::Released) => self == Released,
            Some(StateView::Completed(_)) => matches!(self, Completed | LeftToExpire),
            Some(_) => false,
        }
    }
}
