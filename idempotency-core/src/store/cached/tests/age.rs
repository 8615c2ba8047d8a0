//! The age: nothing older than the maximum age is answered, on whichever clock, nor after the record's retention.

use std::sync::Mutex;

use super::*;
use crate::clock::Clock;

#[tokio::test]
async fn an_answer_is_used_until_its_maximum_age() {
    let case = Case::new();
    case.fill(&claim("k", 1)).await;
    case.clock.advance(SECOND - MILLISECOND);
    assert_eq!(case.claim_and_count(&claim("k", 2)).await.0, 0);
    case.clock.advance(MILLISECOND);
    assert_eq!(case.claim_and_count(&claim("k", 2)).await.0, 1);
    assert_eq!(case.claim_and_count(&claim("k", 2)).await.0, 0, "the new answer is cached");
}

#[tokio::test]
async fn the_age_counts_from_the_start_of_the_call() {
    let case = Case::new();
    let lease = case.grant(&claim("k", 1)).await;
    complete(&case.store, lease, "done").await;
    let (executed, release) = case.probe().hold_up("claim");
    let store = case.store.clone();
    let slow = tokio::spawn(async move { store.claim(&claim("k", 2)).await });
    executed.await.unwrap();
    case.clock.advance(SECOND - MILLISECOND);
    release.send(()).unwrap();
    slow.await.unwrap().unwrap();
    assert_eq!(case.claim_and_count(&claim("k", 2)).await.0, 0);
    case.clock.advance(MILLISECOND);
    assert_eq!(case.claim_and_count(&claim("k", 2)).await.0, 1);
}

#[tokio::test]
async fn a_maximum_age_of_zero_turns_the_cache_off() {
    let mut case = Case::new();
    case.store = case.store.with_max_age(Duration::ZERO);
    case.fill(&claim("k", 1)).await;
    assert_eq!(case.claim_and_count(&claim("k", 2)).await.0, 1);
    case.probe().claims();
    case.store.claim_many(&[claim("k", 3)]).await;
    assert_eq!((case.probe().claims(), case.store.cached_records()), (1, 0));
}

#[tokio::test]
async fn an_answer_does_not_outlive_its_record() {
    let mut case = Case::new();
    case.store = case.store.with_max_age(DAY);
    let lease = case.grant(&claim("k", 1)).await;
    let completion = Completion::new(lease, Outcome::new("done"), SECOND);
    assert_eq!(case.store.complete(&completion).await.unwrap(), Hold::Held);
    case.claim(&claim("k", 2)).await;
    case.clock.advance(SECOND - MILLISECOND);
    assert_eq!(case.claim_and_count(&claim("k", 2)).await.0, 0);
    case.clock.advance(MILLISECOND);
    case.grant(&claim("k", 2)).await;
}

/// Two clocks that a test moves one by one.
#[derive(Debug)]
struct TwoClocks(Mutex<[Duration; 2]>);

impl Clock for TwoClocks {
    fn now(&self) -> Duration {
        self.0.lock().unwrap()[0]
    }

    fn unix_time(&self) -> Duration {
        self.0.lock().unwrap()[1]
    }
}

/// The monotonic clock may stand still while the machine is suspended, and the wall clock may be set back.
#[tokio::test]
async fn the_age_counts_on_the_clock_that_has_advanced_further() {
    let start = clock::system_unix_time();
    for moved in [[SECOND, Duration::ZERO], [Duration::ZERO, SECOND]] {
        let clocks = Arc::new(TwoClocks(Mutex::new([start; 2])));
        let mut case = Case::new();
        case.store = case.store.with_clock(Arc::clone(&clocks));
        case.clock.advance(start - case.clock.now());
        case.fill(&claim("k", 1)).await;
        assert_eq!(case.claim_and_count(&claim("k", 2)).await.0, 0);
        *clocks.0.lock().unwrap() = [start + moved[0], start + moved[1]];
        assert_eq!(case.claim_and_count(&claim("k", 2)).await.0, 1);
        *clocks.0.lock().unwrap() = [start + 2 * SECOND, start - DAY];
        assert_eq!(case.claim_and_count(&claim("k", 2)).await.0, 1, "the wall clock was set back");
    }
}
