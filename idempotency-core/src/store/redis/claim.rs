//! The claim: one plain `SET` for a new key, one script for all that follows.
//!
//! The first fence of a key is the claiming worker's clock, where all later ones are at least the server's, which saves the
//! script. It is above every fence that the key had before, unless the worker's clock is behind the clock that made
//! those by more than the time since: at least a retention, in which the record was kept, unless it was forgotten.
//! Fences of two keys say nothing of each other.
//!
//! In a cluster the mark of an ordered delivery is on another master. There the record is claimed first and the mark looked
//! at afterwards, so that whatever newer version completes before the handler starts is seen; a stale grant is given
//! back. A repeat looks again, since it cannot know whether the first claim did: a claim is repeated only while its answer
//! is not known, so no handler runs under what is given back.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use futures_util::future::join_all;
use redis::Value;

use super::Shared;
use super::call::Failure;
use super::codec::Packed;
use super::command::{Command, argument};
use super::{fault, mark, script};
use crate::{
    Claim, Claimed, Fence, Grant, KeyDigest, Lease, OnExpired, Record, Release, StoreError, StoreErrorKind,
    Transition, Version,
};

/// A claim with the record that it writes where its key is free.
pub(super) struct First<'a> {
    claim: &'a Claim,
    packed: Packed,
    bytes: Vec<u8>,
}

impl Shared {
    /// Claims a key. A first claim and a duplicate of a completed one are one round trip each; an ordered grant in a cluster
    /// is one more, and so is a durable one.
    pub(super) async fn claim(self: &Arc<Self>, claim: &Claim) -> Result<Claimed, StoreError> {
        let first = First::of(claim);
        let name = self.keys.record(claim.key.digest());
        let mut calls = self.calls(&name);
        let mut answer = None;
        if self.claims_by_set(claim) {
            let reply = calls.carry_out(&self.set(&first)).await;
            answer = self.answer_to_set(&first, reply)?;
        }
        let mut took_over = false;
        let answer = match answer {
            Some(answer) => answer,
            None => {
                let reply = calls.carry_out(&self.claim_script(&first)).await?;
                took_over = is_takeover(&reply);
                answer_of_script(reply, claim.key.digest()).ok_or_else(fault::senseless)?
            }
        };
        let answer = match self.mark_to_look_at(claim, &answer) {
            Some(command) => {
                let reply = self.carry_out(&command).await;
                self.judged_by_mark(claim, answer, took_over, mark::newest(reply)).await?
            }
            None => answer,
        };
        if let Claimed::Granted(grant) = answer
            && let Err(error) = calls.confirm().await
        {
            return Err(self.unconfirmed(claim, grant, error).await);
        }
        Ok(answer)
    }

    /// What becomes of a grant that is not confirmed. Where a repeat cannot be expected to fare better, it is given back
    /// under its own fence, which needs no confirmation: its attempt begins nowhere.
    async fn unconfirmed(self: &Arc<Self>, claim: &Claim, grant: Grant, error: StoreError) -> StoreError {
        // The wait broke: the next one may be served.
        if error.is_transient() && !error.is_store_in_reach() {
            return error;
        }
        // A release that comes late must not meet a repeat of the claim, so the error is not transient in any case.
        let unsettled = match self.release(&claim.granted(grant.fence), Release::Unstarted).await {
            Ok(_) => None,
            Err(_) => Some(fault::error(StoreErrorKind::Unknown)),
        };
        let error = if error.is_transient() { error.of_what_is_taken_back() } else { error };
        error.after(unsettled.as_ref())
    }

    /// Claims several keys: a round trip for all that one claim takes one for.
    pub(super) async fn claim_many(self: &Arc<Self>, claims: &[Claim]) -> Vec<Result<Claimed, StoreError>> {
        if self.is_durable() {
            // They share their confirmations.
            return join_all(claims.iter().map(|claim| self.claim(claim))).await;
        }
        let firsts: Vec<First<'_>> = claims.iter().map(First::of).collect();
        let commands: Vec<Command> = firsts
            .iter()
            .map(|first| match self.claims_by_set(first.claim) {
                true => self.set(first),
                false => self.claim_script(first),
            })
            .collect();
        let mut answers: Vec<Result<Option<Claimed>, StoreError>> = Vec::with_capacity(claims.len());
        for ((first, command), reply) in firsts.iter().zip(&commands).zip(self.carry_out_all(&commands).await)
        {
            answers.push(match command.as_script() {
                None => self.answer_to_set(first, reply),
                Some(_) => answer_to_script(first, reply).map(Some),
            });
        }
        let mut took_over = vec![false; claims.len()];
        let open: Vec<usize> = (0..claims.len()).filter(|at| matches!(answers[*at], Ok(None))).collect();
        let commands: Vec<Command> = open.iter().map(|at| self.claim_script(&firsts[*at])).collect();
        for (at, reply) in open.into_iter().zip(self.carry_out_all(&commands).await) {
            took_over[at] = reply.as_ref().is_ok_and(is_takeover);
            answers[at] = answer_to_script(&firsts[at], reply).map(Some);
        }
        let answers = answers.into_iter().map(|answer| answer?.ok_or_else(fault::senseless)).collect();
        self.judged_by_marks(claims, answers, &took_over).await
    }

    /// The same answers, after a look at the marks on other masters that may forbid them.
    async fn judged_by_marks(
        self: &Arc<Self>,
        claims: &[Claim],
        mut answers: Vec<Result<Claimed, StoreError>>,
        took_over: &[bool],
    ) -> Vec<Result<Claimed, StoreError>> {
        let (mut open, mut commands) = (Vec::new(), Vec::new());
        for (at, answer) in answers.iter().enumerate() {
            if let Ok(answer) = answer
                && let Some(command) = self.mark_to_look_at(&claims[at], answer)
            {
                open.push((at, answer.clone()));
                commands.push(command);
            }
        }
        let replies = self.carry_out_all(&commands).await;
        let judged = open.into_iter().zip(replies).map(async |((at, answer), reply)| {
            (at, self.judged_by_mark(&claims[at], answer, took_over[at], mark::newest(reply)).await)
        });
        for (at, answer) in join_all(judged).await {
            answers[at] = answer;
        }
        answers
    }

    /// Whether a new key is claimed without a script: where no mark decides with the record.
    fn claims_by_set(&self, claim: &Claim) -> bool {
        (claim.order.is_none() || self.route.is_sharded()) && self.set_nx_get.load(Ordering::Relaxed)
    }

    /// `SET record NX GET`: grants a new key; otherwise the record that is there may hold the answer.
    fn set(&self, first: &First<'_>) -> Command {
        let name = self.keys.record(first.claim.key.digest());
        let mut command = redis::cmd("SET");
        command.arg(&name).arg(&first.bytes).arg("NX").arg("GET").arg("PX").arg(first.packed.ttl());
        Command::plain(name, command)
    }

    fn claim_script(&self, first: &First<'_>) -> Command {
        let on_expired: &[u8] = match first.claim.on_expired {
            OnExpired::Rerun => b"rerun",
            OnExpired::InDoubt => b"in_doubt",
        };
        let arguments = vec![argument(&first.bytes), argument(on_expired)];
        let name = self.keys.record(first.claim.key.digest());
        let order = first.claim.order.filter(|_| !self.route.is_sharded());
        Command::script(&script::CLAIM, name, arguments)
            .with_name(order.map(|order| self.keys.mark(order.resource)))
    }

    /// Reads the reply to [`set`](Self::set). `None` where only the server can tell.
    fn answer_to_set(
        &self,
        first: &First<'_>,
        reply: Result<Value, Failure>,
    ) -> Result<Option<Claimed>, StoreError> {
        match reply {
            Ok(Value::Nil) => Ok(Some(Claimed::Granted(first.packed.record.grant()))),
            Ok(Value::BulkString(there)) => Ok(answer_without_clock(first.claim, there)),
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

    /// The question for the mark, where it is on another master and may forbid what the record allows. A claim that was
    /// given back as stale, and whose answer was lost, is asked about again.
    fn mark_to_look_at(&self, claim: &Claim, answer: &Claimed) -> Option<Command> {
        let order = claim.order.filter(|_| self.route.is_sharded())?;
        let was_given_back = Claimed::InFlight { retry_after: Duration::ZERO };
        let is_open = matches!(answer, Claimed::Granted(_)) || *answer == was_given_back;
        is_open.then(|| mark::get(self.keys.mark(order.resource)))
    }

    /// The answer, given the mark: a stale grant is given back under its own fence. An error says that a grant may stand.
    async fn judged_by_mark(
        self: &Arc<Self>,
        claim: &Claim,
        answer: Claimed,
        took_over: bool,
        newest: Result<Option<Version>, mark::Unread>,
    ) -> Result<Claimed, StoreError> {
        let standing = matches!(answer, Claimed::Granted(_)).then(|| fault::error(StoreErrorKind::Unknown));
        let refusal = match (newest, claim.order) {
            (Ok(Some(newest)), Some(order)) if order.version < newest => Claimed::Stale { newest },
            (Ok(_), _) => return Ok(answer),
            (Err(mark::Unread::Unreadable), _) => Claimed::InDoubt,
            (Err(mark::Unread::Failed(error)), _) => {
                return Err(error.after(standing.as_ref()));
            }
        };
        if let Claimed::Granted(Grant { fence, .. }) = answer {
            let lease = Lease::new(claim.key.clone(), claim.order, claim.owner, fence);
            let given_back = self.give_back(&lease, took_over).await;
            let _ = given_back.map_err(|error| error.after(standing.as_ref()))?;
        }
        Ok(refusal)
    }
}

impl<'a> First<'a> {
    fn of(claim: &'a Claim) -> Self {
        let micros = crate::clock::system_unix_time().as_micros();
        let fence = Fence::NONE.next(u64::try_from(micros).unwrap_or(u64::MAX));
        let packed = Packed::first_grant(claim, fence);
        let bytes = packed.encode(claim.key.digest());
        Self { claim, packed, bytes }
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

/// Whether the claim script granted a key whose lease had run out.
fn is_takeover(reply: &Value) -> bool {
    matches!(reply, Value::Array(parts) if parts.len() == 3)
}

fn answer_to_script(first: &First<'_>, reply: Result<Value, Failure>) -> Result<Claimed, StoreError> {
    answer_of_script(reply?, first.claim.key.digest()).ok_or_else(fault::senseless)
}

/// Reads the claim script's answer. An outcome comes in its whole record, which says whose it is.
pub(super) fn answer_of_script(reply: Value, digest: KeyDigest) -> Option<Claimed> {
    let Value::Array(parts) = reply else { return None };
    let mut parts = parts.into_iter();
    let Value::BulkString(name) = parts.next()? else { return None };
    match (name.as_slice(), parts.next()) {
        (b"granted", Some(Value::BulkString(bytes))) => grant(&bytes).map(Claimed::Granted),
        (b"completed", Some(Value::BulkString(record))) => {
            Packed::decode(record, digest)?.record.completed().map(Claimed::Completed)
        }
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

/// Reads fence and attempts as a record holds them next to each other.
pub(super) fn grant(bytes: &[u8]) -> Option<Grant> {
    let (fence, attempt) = bytes.split_first_chunk()?;
    Some(Grant::new(Fence::new(u64::from_be_bytes(*fence)), u32::from_be_bytes(attempt.try_into().ok()?)))
}

#[cfg(test)]
#[path = "claim_tests.rs"]
mod tests;
