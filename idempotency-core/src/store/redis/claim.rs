//! The claim: one plain `SET` for a new key, one script for all that follows.

use std::iter;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use redis::Value;

use super::Shared;
use super::call::Calls;
use super::codec::Packed;
use super::{fault, script};
use crate::{Claim, Claimed, Fence, KeyDigest, OnExpired, Record, State, StoreError, Transition, Version};

impl Shared {
    /// Claims a key. A first claim and a duplicate of a completed one are one round trip each, and a durable grant one
    /// more.
    pub(super) async fn claim(self: &Arc<Self>, claim: &Claim) -> Result<Claimed, StoreError> {
        let micros = crate::clock::system_unix_time().as_micros();
        let fence = Fence::NONE.next(u64::try_from(micros).unwrap_or(u64::MAX));
        let first = Packed::first_grant(claim, fence);
        let bytes = first.encode(claim.key.digest());
        let name = self.keys.record(&claim.key, claim.order.as_ref());
        let mut calls = self.durable_calls(&name);
        let mut answer = None;
        if claim.order.is_none() && self.set_nx_get.load(Ordering::Relaxed) {
            answer = self.claim_by_set(&mut calls, &name, claim, &first, &bytes).await?;
        }
        let answer = match answer {
            Some(answer) => answer,
            None => self.claim_by_script(&mut calls, &name, claim, &bytes).await?,
        };
        if matches!(answer, Claimed::Granted { .. }) {
            calls.confirm().await?;
        }
        Ok(answer)
    }

    /// `SET record NX GET`: grants a new key; otherwise the record that is there may hold the answer. `None` where only
    /// the server can tell.
    async fn claim_by_set(
        &self,
        calls: &mut Calls<'_>,
        name: &str,
        claim: &Claim,
        first: &Packed,
        bytes: &[u8],
    ) -> Result<Option<Claimed>, StoreError> {
        let mut command = redis::cmd("SET");
        command.arg(name).arg(bytes).arg("NX").arg("GET").arg("PX").arg(first.retention);
        match calls.run(&command).await {
            Ok(Value::Nil) => Ok(Some(Claimed::Granted { fence: first.record.fence, attempt: 1 })),
            Ok(Value::BulkString(there)) => {
                let answer = answer_without_clock(claim, there);
                // A repeat has written nothing on this connection; the script does, so that it can be waited for.
                Ok(answer
                    .filter(|answer| !(calls.are_durable() && matches!(answer, Claimed::Granted { .. }))))
            }
            Ok(_) => Err(fault::senseless()),
            // A full server refuses the command whatever it would find; the script reads before it writes.
            Err(failure) if failure.is(fault::is_full) => Ok(None),
            Err(failure) if failure.is(fault::is_wrong_type) => Ok(Some(Claimed::InDoubt)),
            Err(failure) if failure.is(fault::is_syntax_error) => {
                self.set_nx_get.store(false, Ordering::Relaxed);
                Ok(None)
            }
            Err(failure) => Err(failure.into()),
        }
    }

    async fn claim_by_script(
        &self,
        calls: &mut Calls<'_>,
        name: &str,
        claim: &Claim,
        bytes: &[u8],
    ) -> Result<Claimed, StoreError> {
        let on_expired: &[u8] = match claim.on_expired {
            OnExpired::Rerun => b"rerun",
            OnExpired::InDoubt => b"in_doubt",
        };
        let mark = claim.order.as_ref().map(|order| self.keys.mark(order.resource().digest()));
        let version = claim.order.as_ref().map(|order| order.version().get().to_be_bytes());
        let keys: Vec<&str> = iter::once(name).chain(mark.as_deref()).collect();
        let mut arguments: Vec<&[u8]> = vec![bytes, on_expired];
        calls.add_version_and_touch(&mut arguments, version.as_ref());
        let reply = calls.invoke(&script::CLAIM, &keys, &arguments).await?;
        answer(reply, claim.key.digest()).ok_or_else(fault::senseless)
    }
}

/// What the record that is there answers whatever the time is, by the protocol's own table. `None` where it depends on
/// the lease, or where a grant is open.
pub(super) fn answer_without_clock(claim: &Claim, there: Vec<u8>) -> Option<Claimed> {
    let Some(packed) = Packed::decode(there, claim.key.digest()) else {
        return Some(Claimed::InDoubt);
    };
    // The deadline is the whole lease and now is its start, so a record in flight is never judged expired here.
    match Record::claim(Some(&packed.record), None, claim, Duration::ZERO, 0) {
        Transition { answer: Claimed::InFlight { retry_after }, .. } if !retry_after.is_zero() => None,
        Transition { write: Some(_), .. } | Transition { answer: Claimed::InDoubt, .. } => None,
        Transition { answer, .. } => Some(answer),
    }
}

/// Reads the claim script's answer. An outcome comes in its whole record, which says whose it is.
pub(super) fn answer(reply: Value, digest: KeyDigest) -> Option<Claimed> {
    let Value::Array(parts) = reply else { return None };
    let mut parts = parts.into_iter();
    let Value::BulkString(name) = parts.next()? else { return None };
    match (name.as_slice(), parts.next()) {
        (b"granted", Some(Value::BulkString(grant))) => {
            let (fence, attempt) = grant.split_first_chunk()?;
            Some(Claimed::Granted {
                fence: Fence::new(u64::from_be_bytes(*fence)),
                attempt: u32::from_be_bytes(attempt.try_into().ok()?),
            })
        }
        (b"completed", Some(Value::BulkString(record))) => match Packed::decode(record, digest)?.record.state
        {
            State::Completed(outcome) => Some(Claimed::Completed(outcome)),
            State::InFlight { .. } | State::Released => None,
        },
        (b"in_flight", Some(Value::Int(left))) => {
            Some(Claimed::InFlight { retry_after: Duration::from_millis(u64::try_from(left).ok()?) })
        }
        (b"stale", Some(Value::BulkString(mark))) => {
            let newest = Version::new(u64::from_be_bytes(mark.try_into().ok()?));
            Some(Claimed::Stale { newest })
        }
        (b"mismatch", None) => Some(Claimed::Mismatch),
        (b"in_doubt", None) => Some(Claimed::InDoubt),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Key, Outcome, Owner, Scope, ScopedKey};

    #[test]
    fn an_outcome_of_another_key_is_no_answer() {
        let key = |name| ScopedKey::new(Scope::endpoint("tests"), Key::new(name).unwrap());
        let second = Duration::from_secs(1);
        let claim = Claim::new(key("a"), Owner::from_bytes([1; 16]), second, second);
        let mut packed = Packed::first_grant(&claim, Fence::new(1));
        packed.record.state = State::Completed(Outcome::new("a's"));
        let reply = Value::Array(vec![
            Value::BulkString(b"completed".to_vec()),
            Value::BulkString(packed.encode(claim.key.digest())),
        ]);
        let own = answer(reply.clone(), key("a").digest());
        assert_eq!(own, Some(Claimed::Completed(Outcome::new("a's"))));
        assert_eq!(answer(reply, key("b").digest()), None);
    }

    #[test]
    fn a_record_answers_without_a_clock_what_does_not_depend_on_the_time() {
        let key = ScopedKey::new(Scope::endpoint("tests"), Key::new("a").unwrap());
        let second = Duration::from_secs(1);
        let claim = |owner| Claim::new(key.clone(), Owner::from_bytes([owner; 16]), second, second);
        let answer = |state: State| {
            let mut packed = Packed::first_grant(&claim(1), Fence::new(7));
            packed.record.state = state;
            let there = packed.encode(key.digest());
            [1, 2].map(|owner| answer_without_clock(&claim(owner), there.clone()))
        };
        let granted = Some(Claimed::Granted { fence: Fence::new(7), attempt: 1 });
        assert_eq!(answer(State::InFlight { deadline: second }), [granted, None]);
        // A late copy of a claim that was given up; to another one a grant is open.
        let given_up = Some(Claimed::InFlight { retry_after: Duration::ZERO });
        assert_eq!(answer(State::Released), [given_up, None]);
        let completed = Some(Claimed::Completed(Outcome::new("a's")));
        assert_eq!(answer(State::Completed(Outcome::new("a's"))), [completed.clone(), completed]);
    }
}
