//! The answers: equal to those of the inner store, for completed keys only, within the bound in bytes.

use std::sync::atomic::Ordering;

use super::*;

#[tokio::test]
async fn a_later_duplicate_gets_the_inner_stores_answer_without_asking_it() {
    let case = Case::new();
    case.fill(&ordered("newer", 1, 2)).await;
    let first = case.grant(&claim("k", 1)).await;
    assert_eq!(case.store.release(&first, Release::Failed).await.unwrap(), Hold::Held);
    case.clock.advance(MILLISECOND);
    let answer = case.fill(&claim("k", 2)).await;
    let Claimed::Completed(completed) = &answer else { panic!("not completed: {answer:?}") };
    assert_eq!(completed.attempt, 2);
    let older_than_the_mark = ordered("k", 3, 1);
    let cautious = Claim { on_expired: OnExpired::InDoubt, ..claim("k", 4) };
    for duplicate in [claim("k", 1), claim("k", 2), older_than_the_mark, cautious] {
        assert_eq!(case.claim_and_count(&duplicate).await, (0, answer.clone()));
        assert_eq!(case.probe().claim(&duplicate).await.unwrap(), answer);
    }
}

#[tokio::test]
async fn a_completion_is_not_cached_and_its_first_duplicate_asks() {
    let case = Case::new();
    for name in ["held", "lost", "unknown", "many"] {
        let lease = case.grant(&claim(name, 1)).await;
        let completion = Completion::new(lease.clone(), Outcome::new("done"), DAY);
        let loses_answers = name == "unknown";
        case.probe().loses_completions.store(loses_answers, Ordering::SeqCst);
        match name {
            "lost" => {
                assert_eq!(case.store.release(&lease, Release::Failed).await.unwrap(), Hold::Held);
                assert_eq!(case.store.complete(&completion).await.unwrap(), Hold::Lost);
            }
            "many" => {
                let answers = case.store.complete_many(&[completion]).await;
                assert!(matches!(answers[..], [Ok(Hold::Held)]));
            }
            _ => {
                let answer = case.store.complete(&completion).await;
                assert_eq!(answer.is_err(), loses_answers);
            }
        }
        assert_eq!(case.store.cached_records(), 0, "{name}");
        let (asked, answer) = case.claim_and_count(&claim(name, 2)).await;
        assert_eq!((asked, matches!(answer, Claimed::Granted(_))), (1, name == "lost"));
        case.store.forget(key(name).digest()).await.unwrap();
    }
}

#[tokio::test]
async fn only_completed_keys_are_cached() {
    let case = Case::new();
    case.fill(&ordered("newer", 1, 2)).await;
    case.grant(&with_fingerprint("in flight", 1, "a")).await;
    case.grant(&claim("in doubt", 1)).await;
    case.clock.advance(LEASE);
    case.grant(&with_fingerprint("in flight", 2, "a")).await;
    let uncached = [
        (with_fingerprint("in flight", 2, "a"), "Granted"),
        (claim("in flight", 1), "InFlight"),
        (with_fingerprint("in flight", 1, "b"), "Mismatch"),
        (ordered("older", 1, 1), "Stale"),
        (Claim { on_expired: OnExpired::InDoubt, ..claim("in doubt", 2) }, "InDoubt"),
    ];
    let before = case.store.cached_records();
    for (claim, expected) in uncached {
        for _ in 0..2 {
            let (asked, answer) = case.claim_and_count(&claim).await;
            assert!(format!("{answer:?}").starts_with(expected), "{answer:?} instead of {expected}");
            assert_eq!((asked, case.store.cached_records()), (1, before), "{expected}");
        }
    }
}

#[tokio::test]
async fn another_fingerprint_is_a_mismatch_without_asking() {
    let case = Case::new();
    let answer = case.fill(&with_fingerprint("k", 1, "a")).await;
    assert_eq!(case.claim_and_count(&with_fingerprint("k", 2, "b")).await, (0, Claimed::Mismatch));
    assert_eq!(case.claim_and_count(&with_fingerprint("k", 2, "a")).await, (0, answer.clone()));
    assert_eq!(case.claim_and_count(&claim("k", 2)).await, (0, answer));
}

/// A store of the user's own may leave the fingerprint out.
#[tokio::test]
async fn a_claim_with_a_fingerprint_asks_if_the_answer_has_none() {
    let case = Case::new();
    case.probe().hides_fingerprints.store(true, Ordering::SeqCst);
    case.fill(&with_fingerprint("k", 1, "a")).await;
    assert_eq!(case.claim_and_count(&with_fingerprint("k", 2, "b")).await, (1, Claimed::Mismatch));
    let (asked, answer) = case.claim_and_count(&with_fingerprint("k", 2, "a")).await;
    assert_eq!((asked, outcome(&answer)), (1, b"done".as_slice()));
    assert_eq!(case.claim_and_count(&claim("k", 2)).await, (0, answer));
}

#[tokio::test]
async fn several_claims_ask_only_for_those_that_are_not_cached() {
    let case = Case::new();
    let (a, c) = (case.fill(&claim("a", 1)).await, case.fill(&claim("c", 1)).await);
    case.probe().claims();
    let claims = ["a", "b", "c", "d"].map(|name| claim(name, 2));
    let answers: Vec<_> = case.store.claim_many(&claims).await.into_iter().map(Result::unwrap).collect();
    assert_eq!(case.probe().claims(), 2);
    assert_eq!([&answers[0], &answers[2]], [&a, &c]);
    for (answer, claim) in [(&answers[1], &claims[1]), (&answers[3], &claims[3])] {
        let Claimed::Granted(grant) = answer else { panic!("not granted: {answer:?}") };
        complete(&case.store, claim.granted(grant.fence), "done").await;
    }
    for asked in [2, 0] {
        let answers = case.store.claim_many(&claims).await;
        assert!(answers.into_iter().all(|answer| outcome(&answer.unwrap()) == b"done"));
        assert_eq!(case.probe().claims(), asked);
    }
}

#[tokio::test]
async fn a_claim_of_several_whose_answer_is_omitted_is_unknown() {
    let case = Case::new();
    case.fill(&claim("b", 1)).await;
    case.probe().omits_answers.store(true, Ordering::SeqCst);
    let answers = case.store.claim_many(&["a", "c", "b"].map(|name| claim(name, 2))).await;
    let [Ok(Claimed::Granted(_)), Err(error), Ok(Claimed::Completed(_))] = &answers[..] else {
        panic!("{answers:?}")
    };
    assert!(error.may_have_executed());
}

#[tokio::test]
async fn the_cache_stays_within_its_bytes() {
    let mut case = Case::new();
    case.store = case.store.with_max_bytes(64 << 10);
    let body = "b".repeat(1000);
    for number in 0..200 {
        let claim = claim(&number.to_string(), 1);
        let lease = case.grant(&claim).await;
        let completion = Completion::new(lease, Outcome::new(body.clone()), DAY);
        assert_eq!(case.store.complete(&completion).await.unwrap(), Hold::Held);
        assert_eq!(outcome(&case.claim(&claim).await), body.as_bytes());
        assert!(case.store.cached_bytes() <= 64 << 10);
        assert_eq!(case.store.cached_bytes(), case.store.cached_records() * (512 + body.len()));
    }
    assert!(case.store.cached_records() >= 32, "only {} are cached", case.store.cached_records());
}

#[tokio::test]
async fn a_record_that_is_larger_than_the_cache_is_not_cached() {
    for max_bytes in [0, 2000] {
        let mut case = Case::new();
        case.store = case.store.with_max_bytes(max_bytes);
        let lease = case.grant(&claim("k", 1)).await;
        let completion = Completion::new(lease, Outcome::new("b".repeat(2000)), DAY);
        assert_eq!(case.store.complete(&completion).await.unwrap(), Hold::Held);
        for _ in 0..2 {
            let (asked, answer) = case.claim_and_count(&claim("k", 2)).await;
            assert_eq!((asked, outcome(&answer).len(), case.store.cached_bytes()), (1, 2000, 0));
        }
    }
}

#[tokio::test]
async fn debug_prints_no_content() {
    let clock = Arc::new(ManualClock::new());
    let store = CachedStore::new(MemoryStore::new().with_clock(Arc::clone(&clock))).with_clock(clock);
    let claim = with_fingerprint("k", 1, "a");
    let lease = granted(&store, &claim).await;
    complete(&store, lease, "secret").await;
    store.claim(&claim).await.unwrap();
    assert_eq!(
        format!("{store:?}"),
        "CachedStore { inner: MemoryStore { records: 1, bytes: 13, .. }, max_age: 1s, cached_records: 1, \
         cached_bytes: 518, .. }"
    );
}
