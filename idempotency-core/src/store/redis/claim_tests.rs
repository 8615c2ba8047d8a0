//! Reading the answer to a claim from replies and records.

use super::*;
use crate::store::State;
use crate::{Completed, Key, Namespace, Outcome, Owner, Scope, ScopedKey};

const SECOND: Duration = Duration::from_secs(1);

fn key(name: &str) -> ScopedKey {
    ScopedKey::new(&Namespace::default(), Scope::endpoint("tests"), Key::new(name).unwrap())
}

fn claim(name: &str, owner: u8) -> Claim {
    Claim::new(key(name), Owner::from_bytes([owner; 16]), SECOND, SECOND)
}

/// A record completed two seconds after 1970 and kept for one second, with the answer to a claim of it.
fn completed() -> (State, Claimed) {
    let (outcome, at, until) = (Outcome::new("a's"), 2 * SECOND, 3 * SECOND);
    let answer = Completed::new(outcome.clone(), Grant::new(Fence::new(7), 1), at, until);
    (State::Completed { outcome, at, until }, Claimed::Completed(answer))
}

fn stored(state: State) -> Vec<u8> {
    let mut packed = Packed::first_grant(&claim("a", 1), Fence::new(7));
    if let State::Completed { at, .. } = &state {
        packed.lease = at.as_millis() as u64;
    }
    packed.record.state = state;
    packed.encode(key("a").digest())
}

#[test]
fn an_outcome_of_another_key_is_no_answer() {
    let (state, answer) = completed();
    let reply =
        Value::Array(vec![Value::BulkString(b"completed".to_vec()), Value::BulkString(stored(state))]);
    assert_eq!(parse_script_reply(reply.clone(), key("a").digest()), Some(answer));
    assert_eq!(parse_script_reply(reply, key("b").digest()), None);
}

#[test]
fn answers_that_do_not_depend_on_the_time_need_no_clock() {
    let answer =
        |state: State| [1, 2].map(|owner| answer_without_clock(&claim("a", owner), stored(state.clone())));
    let granted = Some(Claimed::Granted(Grant::new(Fence::new(7), 1)));
    assert_eq!(answer(State::InFlight { deadline: SECOND }), [granted, None]);
    // The first owner's claim is a late copy; the second owner's may be granted.
    let late_copy = Some(Claimed::InFlight { retry_after: Duration::ZERO });
    assert_eq!(answer(State::Released), [late_copy, None]);
    let (state, completed) = completed();
    assert_eq!(answer(state), [Some(completed.clone()), Some(completed)]);
}
