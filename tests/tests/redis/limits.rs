//! A short measurement of the writes that Redis loses. `redis-limits` has the long one.

use idempotency_tests::redis_limits::{Row, eviction, failover, killed};

fn row<'a>(rows: &'a [Row], part: &str) -> &'a Row {
    rows.iter().find(|row| row.case.contains(part)).expect("there is such a case")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failover_to_a_stalled_replica_forgets_grants_unless_a_replica_confirmed_them() {
    let rows = failover(64).await;
    let (local, durable, before) = (&rows[0], &rows[1], &rows[2]);
    assert_eq!((local.granted, local.forgotten), (64, 64), "{local}");
    assert_eq!((durable.granted, durable.forgotten), (0, 0), "{durable}");
    assert_eq!((before.granted, before.forgotten), (64, 0), "{before}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_policy_but_noeviction_forgets_and_the_health_check_warns_before() {
    let rows = eviction(8000).await;
    let safe = row(&rows, "noeviction");
    assert!(safe.granted < 8000 && safe.forgotten == 0, "{safe}");
    for row in rows.iter().filter(|row| !row.case.contains("noeviction")) {
        assert!(row.forgotten > 0, "{row}");
        assert!(row.findings.iter().any(|finding| finding == "Evicts"), "{row}");
        assert!(row.findings.iter().any(|finding| finding == "HasEvicted"), "{row}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_that_is_killed_forgets_everything_unless_it_appends_to_a_file() {
    let rows = killed(100).await;
    for row in &rows {
        let expected = if row.case.contains("appendfsync") { 0 } else { 100 };
        assert_eq!((row.granted, row.forgotten), (100, expected), "{row}");
        assert_eq!(row.findings.iter().any(|finding| finding == "NotPersistent"), expected > 0, "{row}");
    }
}
