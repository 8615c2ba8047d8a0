//! The rows of the protocol's table.

use super::*;
use crate::store::ResourceDigest;
use crate::{Completed, Fingerprint, Key, Namespace, Outcome, Scope, ScopedKey, ScopedOrder};

const LEASE: Duration = Duration::from_secs(30);
const NOW: Duration = Duration::from_secs(1_000);
/// The wall clock of the store.
const UNIX: Duration = Duration::from_secs(1_700_000_000);
const RETENTION: Duration = Duration::from_secs(86_400);
const MICROS: u64 = 1_000_000_000;

fn claim(owner: u8) -> Claim {
    let key = ScopedKey::new(&Namespace::default(), Scope::endpoint("table"), Key::new("k").unwrap());
    Claim::new(key, Owner::from_bytes([owner; 16]), LEASE, RETENTION)
}

fn ordered(owner: u8, version: u64) -> Claim {
    let order = ScopedOrder::new(ResourceDigest::from_bytes([7; 32]), Version::new(version));
    Claim { order: Some(order), ..claim(owner) }
}

fn record(state: State) -> Record {
    Record {
        state,
        owner: Owner::from_bytes([1; 16]),
        fence: Fence::new(MICROS),
        attempts: 1,
        fingerprint: Some(Fingerprint::of(b"a")),
        order: None,
        parts: Parts::default(),
    }
}

fn in_flight() -> Record {
    record(State::InFlight { deadline: NOW + LEASE })
}

fn expired() -> Record {
    record(State::InFlight { deadline: NOW })
}

fn released() -> Record {
    record(State::Released)
}

fn completed() -> Record {
    record(State::Completed { outcome: Outcome::new("done"), at: UNIX, until: UNIX + RETENTION })
}

fn lease(owner: u8, fence: u64) -> Lease {
    claim(owner).granted(Fence::new(fence))
}

fn grant(fence: u64, attempt: u32) -> Claimed {
    Claimed::Granted(Grant::new(Fence::new(fence), attempt))
}

fn completion(lease: &Lease, outcome: &'static str) -> Completion {
    Completion::new(lease.clone(), Outcome::new(outcome), RETENTION)
}

/// The answer to a claim of [`completed`].
fn completed_answer() -> Completed {
    let grant = Grant::new(Fence::new(MICROS), 1);
    let answer = Completed::new(Outcome::new("done"), grant, UNIX, UNIX + RETENTION);
    Completed { fingerprint: Some(Fingerprint::of(b"a")), ..answer }
}

fn answer(current: &Record, claim: &Claim) -> Transition<Claimed> {
    Record::claim(Some(current), None, claim, NOW, MICROS)
}

#[test]
fn a_free_key_is_granted_at_the_clocks_microseconds() {
    let transition = Record::claim(None, None, &claim(1), NOW, MICROS);
    assert_eq!(transition.answer, grant(MICROS, 1));
    let written = transition.write.unwrap();
    assert_eq!(written.state, State::InFlight { deadline: NOW + LEASE });
    assert_eq!((written.owner, written.attempts), (claim(1).owner, 1));
}

#[test]
fn a_fence_grows_whatever_the_wall_clock_says() {
    for micros in [0, MICROS - 1, MICROS, MICROS + 1, u64::MAX] {
        let transition = Record::claim(Some(&released()), None, &claim(2), NOW, micros);
        assert_eq!(transition.answer, grant((MICROS + 1).max(micros), 2));
    }
}

#[test]
fn another_fingerprint_is_a_mismatch_before_every_state() {
    for current in [in_flight(), expired(), released(), completed()] {
        for owner in [1, 2] {
            let other = Claim { fingerprint: Some(Fingerprint::of(b"b")), ..claim(owner) };
            assert_eq!(answer(&current, &other), Transition::keep(Claimed::Mismatch));
            let equal = Claim { fingerprint: Some(Fingerprint::of(b"a")), ..claim(owner) };
            assert_ne!(answer(&current, &equal).answer, Claimed::Mismatch);
            assert_ne!(answer(&current, &claim(owner)).answer, Claimed::Mismatch);
        }
    }
}

#[test]
fn each_state_answers_another_owner_as_in_the_table() {
    assert_eq!(answer(&in_flight(), &claim(2)), Transition::keep(Claimed::InFlight { retry_after: LEASE }));
    assert_eq!(answer(&completed(), &claim(2)), Transition::keep(Claimed::Completed(completed_answer())));
    let granted = grant(MICROS + 1, 2);
    assert_eq!(answer(&released(), &claim(2)).answer, granted);
    assert_eq!(answer(&expired(), &claim(2)).answer, granted);
    let cautious = Claim { on_expired: OnExpired::InDoubt, ..claim(2) };
    assert_eq!(answer(&expired(), &cautious), Transition::keep(Claimed::InDoubt));
    assert_eq!(answer(&released(), &cautious).answer, granted);
}

#[test]
fn each_state_answers_its_own_owner_without_a_new_grant() {
    let same = grant(MICROS, 1);
    for on_expired in [OnExpired::Rerun, OnExpired::InDoubt] {
        let claim = Claim { on_expired, ..claim(1) };
        assert_eq!(answer(&in_flight(), &claim), Transition::keep(same.clone()));
        assert_eq!(answer(&expired(), &claim), Transition::keep(same.clone()));
        let too_late = Claimed::InFlight { retry_after: Duration::ZERO };
        assert_eq!(answer(&released(), &claim), Transition::keep(too_late));
        assert_eq!(answer(&completed(), &claim), Transition::keep(Claimed::Completed(completed_answer())));
    }
}

#[test]
fn stale_comes_before_every_grant_and_after_every_other_answer() {
    let newest = Version::new(2);
    let at = |current: Option<&Record>, claim: &Claim| {
        Record::claim(current, Some(newest), claim, NOW, MICROS).answer
    };
    for current in [None, Some(&expired()), Some(&released())] {
        assert_eq!(at(current, &ordered(2, 1)), Claimed::Stale { newest });
        assert!(matches!(at(current, &ordered(2, 2)), Claimed::Granted(_)));
        assert!(matches!(at(current, &ordered(2, 3)), Claimed::Granted(_)));
        assert!(matches!(at(current, &claim(2)), Claimed::Granted(_)));
    }
    assert!(matches!(at(Some(&in_flight()), &ordered(1, 1)), Claimed::Granted(_)));
    assert!(matches!(at(Some(&in_flight()), &ordered(2, 1)), Claimed::InFlight { .. }));
    assert!(matches!(at(Some(&completed()), &ordered(2, 1)), Claimed::Completed(_)));
}

#[test]
fn only_the_holder_changes_a_record() {
    let holder = lease(1, MICROS);
    for current in [in_flight(), expired()] {
        let renewed = current.renew(&holder, 2 * LEASE, NOW);
        assert_eq!(renewed.answer, Hold::Held);
        assert_eq!(renewed.write.unwrap().state, State::InFlight { deadline: NOW + 2 * LEASE });
        let done = current.complete(&completion(&holder, "done"), UNIX);
        assert_eq!((done.answer, done.write), (Hold::Held, Some(completed())));
        let released_by_holder = current.release(&holder, Release::Failed, NOW);
        assert_eq!((released_by_holder.answer, released_by_holder.write), (Hold::Held, Some(released())));
    }
    for current in [in_flight(), expired(), released(), completed()] {
        for stranger in [lease(2, MICROS), lease(1, MICROS - 1), lease(1, MICROS + 1)] {
            assert_eq!(current.renew(&stranger, LEASE, NOW), Transition::keep(Hold::Lost));
            assert_eq!(current.complete(&completion(&stranger, ""), UNIX), Transition::keep(Hold::Lost));
            for release in [Release::Failed, Release::Unstarted, Release::Abandoned] {
                assert_eq!(current.release(&stranger, release, NOW), Transition::keep(Hold::Lost));
            }
            let adopted = current.adopt(&stranger, Owner::from_bytes([9; 16]), LEASE, NOW, MICROS);
            assert_eq!(adopted, Transition::keep(Adopted::Lost));
        }
    }
}

#[test]
fn a_repeat_holds_and_a_contradicting_operation_is_lost() {
    let holder = lease(1, MICROS);
    let other = completion(&holder, "other");
    assert_eq!(completed().complete(&other, UNIX + LEASE), Transition::keep(Hold::Held));
    assert_eq!(released().complete(&other, UNIX), Transition::keep(Hold::Lost));
    for release in [Release::Failed, Release::Unstarted, Release::Abandoned] {
        assert_eq!(released().release(&holder, release, NOW), Transition::keep(Hold::Held));
        assert_eq!(completed().release(&holder, release, NOW), Transition::keep(Hold::Lost));
    }
    assert_eq!(expired().release(&holder, Release::Abandoned, NOW), Transition::keep(Hold::Held));
    for current in [released(), completed()] {
        assert_eq!(current.renew(&holder, LEASE, NOW), Transition::keep(Hold::Lost));
    }
}

#[test]
fn an_unstarted_attempt_does_not_count_and_the_next_claim_decides_an_abandoned_one() {
    let (holder, cautious) = (lease(1, MICROS), Claim { on_expired: OnExpired::InDoubt, ..claim(2) });
    let unstarted = in_flight().release(&holder, Release::Unstarted, NOW).write.unwrap();
    assert_eq!((&unstarted.state, unstarted.attempts), (&State::Released, 0));
    assert_eq!(answer(&unstarted, &cautious).answer, grant(MICROS + 1, 1));
    let abandoned = in_flight().release(&holder, Release::Abandoned, NOW).write.unwrap();
    assert_eq!(abandoned, expired());
    assert_eq!(answer(&abandoned, &cautious).answer, Claimed::InDoubt);
    assert_eq!(answer(&abandoned, &claim(2)).answer, grant(MICROS + 1, 2));
}

#[test]
fn a_record_without_attempts_is_kept_for_at_most_five_minutes() {
    let minutes = |minutes: u64| Duration::from_secs(60 * minutes);
    let none = Record { attempts: 0, ..released() };
    for (retention, kept) in [(minutes(4), minutes(4)), (minutes(6), minutes(5))] {
        assert_eq!(none.kept_after_release(retention), kept);
        assert_eq!(released().kept_after_release(retention), retention);
    }
}

#[test]
fn an_adoption_passes_the_lease_once_with_a_larger_fence_and_the_same_attempt() {
    let adopt = |record: &Record, lease: &Lease, owner: u8| {
        record.adopt(lease, Owner::from_bytes([owner; 16]), 2 * LEASE, NOW, MICROS)
    };
    for current in [in_flight(), expired()] {
        let adopted = adopt(&current, &lease(1, MICROS), 2);
        let granted = Adopted::Granted(Grant::new(Fence::new(MICROS + 1), 1));
        assert_eq!(adopted.answer, granted);
        let adopted = adopted.write.unwrap();
        assert_eq!(adopted.state, State::InFlight { deadline: NOW + 2 * LEASE });
        assert_eq!(adopt(&adopted, &lease(1, MICROS), 2), Transition::keep(granted));
        assert_eq!(adopt(&adopted, &lease(1, MICROS), 3), Transition::keep(Adopted::Lost));
        assert_eq!(adopted.renew(&lease(1, MICROS), LEASE, NOW), Transition::keep(Hold::Lost));
    }
    for current in [released(), completed()] {
        assert_eq!(adopt(&current, &lease(1, MICROS), 2), Transition::keep(Adopted::Lost));
    }
}

#[test]
fn a_resolution_supersedes_only_the_holder_of_an_abandoned_record() {
    let resolutions = [Resolution::Released, Resolution::Completed(Outcome::new("resolved"))];
    for resolution in &resolutions {
        for current in [in_flight(), released(), completed()] {
            assert_eq!(current.resolve(resolution, NOW, UNIX, RETENTION), Transition::keep(false));
        }
        let resolved = expired().resolve(resolution, NOW, UNIX, RETENTION);
        assert!(resolved.answer);
        let resolved = resolved.write.unwrap();
        assert_eq!(resolved.complete(&completion(&lease(1, MICROS), "late"), UNIX).answer, Hold::Lost);
        assert_eq!(resolved.resolve(resolution, NOW, UNIX, RETENTION), Transition::keep(false));
    }
}

#[test]
fn extreme_durations_do_not_overflow() {
    let eternal = Claim { lease: Duration::MAX, ..claim(1) };
    let granted = Record::claim(None, None, &eternal, NOW, MICROS).write.unwrap();
    assert_eq!(granted.state, State::InFlight { deadline: Duration::MAX });
    assert_eq!(in_flight().renew(&lease(1, MICROS), Duration::MAX, NOW).answer, Hold::Held);
}
