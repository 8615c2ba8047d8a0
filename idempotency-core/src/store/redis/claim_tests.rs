//! What the answers to a claim are read from.

use super::*;
use crate::{Completed, Key, Namespace, Outcome, Owner, Scope, ScopedKey, State};

const SECOND: Duration = Duration::from_secs(1);

fn key(name: &str) -> ScopedKey {
    ScopedKey::new(&Namespace::default(), Scope::endpoint("tests"), Key::new(name).unwrap())
}

fn claim(name: &str, owner: u8) -> Claim {
    Claim::new(key(name), Owner::from_bytes([owner; 16]), SECOND, SECOND)
}

/// Two seconds after 1970, kept for a second more.
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
    assert_eq!(answer_of_script(reply.clone(), key("a").digest()), Some(answer));
    assert_eq!(answer_of_script(reply, key("b").digest()), None);
}

#[test]
fn a_record_answers_without_a_clock_what_does_not_depend_on_the_time() {
    let answer =
        |state: State| [1, 2].map(|owner| answer_without_clock(&claim("a", owner), stored(state.clone())));
    let granted = Some(Claimed::Granted(Grant::new(Fence::new(7), 1)));
    assert_eq!(answer(State::InFlight { deadline: SECOND }), [granted, None]);
    // A late copy of a claim that was given up; to another one a grant is open.
    let given_up = Some(Claimed::InFlight { retry_after: Duration::ZERO });
    assert_eq!(answer(State::Released), [given_up, None]);
    let (state, completed) = completed();
    assert_eq!(answer(state), [Some(completed.clone()), Some(completed)]);
}
