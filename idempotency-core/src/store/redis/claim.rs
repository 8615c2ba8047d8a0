//! The claim: a plain `SET` for a free key, and a script for all other cases.
//!
//! The first fence of a key comes from the clock of the claiming worker, which saves the script. Later fences are at
//! least the server's time. The first fence exceeds the fences of an earlier record of the key, unless the worker's
//! clock is behind the clock that made those by more than the time since. That time is at least a retention, for
//! which the record was kept, unless the record was forgotten. Fences of different keys are unrelated.
//!
//! In a cluster, the mark of an ordered delivery may be on another master. A claim then takes the record first and
//! reads the mark afterwards, so that it sees every newer version that completes before the handler starts. A stale
//! grant is given back. A repeated claim reads the mark again, because it cannot know whether the first claim did. A
//! claim is repeated only while its answer is unknown, so no handler runs under a grant that is given back.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use futures_util::future::join_all;
use redis::{Cmd, Value};

use super::Shared;
use super::call::Failure;
use super::call::command::Command;
use super::mark;
use super::net::fault;
use super::record::codec::Packed;
use super::record::script;
use crate::store::{Record, Transition};
use crate::{
    Claim, Claimed, Fence, Grant, KeyDigest, Lease, OnExpired, Release, StoreError, StoreErrorKind, Version,
};

/// A claim, with the record that it writes if its key is free.
pub(super) struct FirstGrant<'a> {
    claim: &'a Claim,
    packed: Packed,
    bytes: Vec<u8>,
}

impl Shared {
    /// Claims a key. A first claim and a duplicate of a completed one take one round trip each. An ordered grant in a
    /// cluster takes one more, and so does a durable grant.
    pub(super) async fn claim(self: &Arc<Self>, claim: &Claim) -> Result<Claimed, StoreError> {
        let first = FirstGrant::of(claim);
        let command = self.first_command(&first);
        let mut calls = self.calls(command.name());
        let reply = calls.execute(&command).await;
        let wrote_first = command.as_script().is_none() && matches!(reply, Ok(Value::Nil));
        let mut took_over = false;
        let mut read_script_reply = |reply: Result<Value, Failure>| {
            let reply = reply?;
            took_over = is_takeover(&reply);
            parse_script_reply(reply, claim.key.digest()).ok_or_else(fault::unexpected_reply)
        };
        let answer = match command.as_script() {
            Some(_) => read_script_reply(reply)?,
            None => match self.read_set_reply(&first, reply)? {
                Some(answer) => answer,
                None => read_script_reply(calls.execute(&self.script_command(&first)).await)?,
            },
        };
        let answer = match self.mark_query(claim, &answer) {
            Some(command) => {
                let reply = self.execute(&command).await;
                self.check_mark(claim, answer, took_over, mark::parse_reply(reply)).await?
            }
            None => answer,
        };
        if let Claimed::Granted(grant) = answer
            && let Err(error) = calls.confirm().await
        {
            return Err(self.release_unconfirmed(claim, grant, error).await);
        }
        if wrote_first && matches!(answer, Claimed::Granted(_)) && self.set_ifeq.load(Ordering::Relaxed) {
            self.first_grants.remember(claim.key.digest(), first.bytes);
        }
        Ok(answer)
    }

    /// Releases a grant that too few servers confirmed, if a repeat is unlikely to do better, and returns the claim's
    /// error. The release needs no confirmation, since the attempt never starts.
    async fn release_unconfirmed(
        self: &Arc<Self>,
        claim: &Claim,
        grant: Grant,
        error: StoreError,
    ) -> StoreError {
        // The wait itself failed: a repeat may succeed.
        if error.is_transient() && !error.is_store_in_reach() {
            return error;
        }
        // A late release must not meet a repeat of the claim, so make the error non-transient.
        let failed = match self.release(&claim.granted(grant.fence), Release::Unstarted).await {
            Ok(_) => None,
            Err(_) => Some(fault::error(StoreErrorKind::Unknown)),
        };
        let error = if error.is_transient() { error.undone() } else { error };
        error.after(failed.as_ref())
    }

    /// Claims several keys, with as many round trips as a single claim takes.
    pub(super) async fn claim_many(self: &Arc<Self>, claims: &[Claim]) -> Vec<Result<Claimed, StoreError>> {
        if self.is_durable() {
            // Concurrent claims share their confirmations; a pipeline would wait once per claim.
            return join_all(claims.iter().map(|claim| self.claim(claim))).await;
        }
        let firsts: Vec<FirstGrant<'_>> = claims.iter().map(FirstGrant::of).collect();
        let commands: Vec<Command> = firsts.iter().map(|first| self.first_command(first)).collect();
        let mut answers: Vec<Result<Option<Claimed>, StoreError>> = Vec::with_capacity(claims.len());
        for ((first, command), reply) in firsts.iter().zip(&commands).zip(self.execute_all(&commands).await) {
            answers.push(match command.as_script() {
                None => self.read_set_reply(first, reply),
                Some(_) => read_script_reply(first, reply).map(Some),
            });
        }
        let mut took_over = vec![false; claims.len()];
        let open: Vec<usize> = (0..claims.len()).filter(|at| matches!(answers[*at], Ok(None))).collect();
        let commands: Vec<Command> = open.iter().map(|at| self.script_command(&firsts[*at])).collect();
        for (at, reply) in open.into_iter().zip(self.execute_all(&commands).await) {
            took_over[at] = reply.as_ref().is_ok_and(is_takeover);
            answers[at] = read_script_reply(&firsts[at], reply).map(Some);
        }
        let answers = answers.into_iter().map(|answer| answer?.ok_or_else(fault::unexpected_reply)).collect();
        self.check_marks(claims, answers, &took_over).await
    }

    /// Checks the answers against the marks that are on other masters.
    async fn check_marks(
        self: &Arc<Self>,
        claims: &[Claim],
        mut answers: Vec<Result<Claimed, StoreError>>,
        took_over: &[bool],
    ) -> Vec<Result<Claimed, StoreError>> {
        let (mut open, mut commands) = (Vec::new(), Vec::new());
        for (at, answer) in answers.iter().enumerate() {
            if let Ok(answer) = answer
                && let Some(command) = self.mark_query(&claims[at], answer)
            {
                open.push((at, answer.clone()));
                commands.push(command);
            }
        }
        let replies = self.execute_all(&commands).await;
        let checked = open.into_iter().zip(replies).map(async |((at, answer), reply)| {
            (at, self.check_mark(&claims[at], answer, took_over[at], mark::parse_reply(reply)).await)
        });
        for (at, answer) in join_all(checked).await {
            answers[at] = answer;
        }
        answers
    }

    /// `SET` if no mark has to be checked in the same step, and otherwise the script.
    fn first_command(&self, first: &FirstGrant<'_>) -> Command {
        let needs_mark = first.claim.order.is_some() && !self.route.is_sharded();
        match !needs_mark && self.set_nx_get.load(Ordering::Relaxed) {
            true => self.set_command(first),
            false => self.script_command(first),
        }
    }

    /// `SET record NX GET`: grants a free key, and otherwise returns the existing record.
    fn set_command(&self, first: &FirstGrant<'_>) -> Command {
        let name = self.keys.record(first.claim.key.digest());
        let mut command = Cmd::with_capacity(7, 32 + name.len() + first.bytes.len());
        command.arg("SET");
        command.arg(&name).arg(&first.bytes).arg("NX").arg("GET").arg("PX").arg(first.packed.ttl());
        Command::plain(name, command)
    }

    fn script_command(&self, first: &FirstGrant<'_>) -> Command {
        let on_expired: &[u8] = match first.claim.on_expired {
            OnExpired::Rerun => b"rerun",
            OnExpired::InDoubt => b"in_doubt",
        };
        let order = first.claim.order.filter(|_| !self.route.is_sharded());
        self.record_script(&script::CLAIM, first.claim.key.digest(), order)
            .with(&first.bytes)
            .with(on_expired)
    }

    /// Reads the reply to [`set_command`](Self::set_command). `None` if the claim needs the script.
    fn read_set_reply(
        &self,
        first: &FirstGrant<'_>,
        reply: Result<Value, Failure>,
    ) -> Result<Option<Claimed>, StoreError> {
        match reply {
            Ok(Value::Nil) => Ok(Some(Claimed::Granted(first.packed.record.grant()))),
            Ok(Value::BulkString(existing)) => Ok(answer_without_clock(first.claim, existing)),
            Ok(_) => Err(fault::unexpected_reply()),
            // A full server refuses `SET` even if the key exists. The script reads before it writes.
            Err(failure) if failure.is(fault::is_full) => Ok(None),
            Err(failure) if failure.is(fault::is_wrong_type) => Ok(Some(Claimed::InDoubt)),
            Err(failure) if failure.is(fault::is_syntax_error) => {
                self.set_nx_get.store(false, Ordering::Relaxed);
                Ok(None)
            }
            Err(failure) => Err(failure.into()),
        }
    }

    /// The command that reads the mark, if the mark is on another master and may forbid a grant. A stale claim gives
    /// its grant back; a repeat of such a claim finds the key released by itself, so its mark is read again.
    fn mark_query(&self, claim: &Claim, answer: &Claimed) -> Option<Command> {
        let order = claim.order.filter(|_| self.route.is_sharded())?;
        let was_given_back = Claimed::InFlight { retry_after: Duration::ZERO };
        let is_open = matches!(answer, Claimed::Granted(_)) || *answer == was_given_back;
        is_open.then(|| mark::get_command(self.keys.mark(order.resource)))
    }

    /// Checks an answer against the mark. A stale grant is given back under its own fence. An error says whether a
    /// grant may still exist.
    async fn check_mark(
        self: &Arc<Self>,
        claim: &Claim,
        answer: Claimed,
        took_over: bool,
        newest: Result<Option<Version>, mark::MarkError>,
    ) -> Result<Claimed, StoreError> {
        let standing = matches!(answer, Claimed::Granted(_)).then(|| fault::error(StoreErrorKind::Unknown));
        let refusal = match (newest, claim.order) {
            (Ok(Some(newest)), Some(order)) if order.version < newest => Claimed::Stale { newest },
            (Ok(_), _) => return Ok(answer),
            (Err(mark::MarkError::Unreadable), _) => Claimed::InDoubt,
            (Err(mark::MarkError::Failed(error)), _) => {
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

impl<'a> FirstGrant<'a> {
    fn of(claim: &'a Claim) -> Self {
        let micros = crate::clock::system_unix_time().as_micros();
        let fence = Fence::NONE.next(u64::try_from(micros).unwrap_or(u64::MAX));
        let packed = Packed::first_grant(claim, fence);
        let bytes = packed.encode(claim.key.digest());
        Self { claim, packed, bytes }
    }
}

/// The answer of an existing record, if it does not depend on the time. `None` if it depends on what is left of the
/// lease, or if the claim may be granted.
pub(super) fn answer_without_clock(claim: &Claim, existing: Vec<u8>) -> Option<Claimed> {
    let Some(packed) = Packed::decode(existing, claim.key.digest()) else {
        return Some(Claimed::InDoubt);
    };
    // `now` is the start of the lease and the deadline is its end, so a record in flight never counts as expired here.
    match Record::claim(Some(&packed.record), None, claim, Duration::ZERO, 0) {
        Transition { answer: Claimed::InFlight { retry_after }, .. } if !retry_after.is_zero() => None,
        Transition { write: Some(_), .. } | Transition { answer: Claimed::InDoubt, .. } => None,
        Transition { answer, .. } => Some(answer),
    }
}

/// Whether the claim script took a lease over.
fn is_takeover(reply: &Value) -> bool {
    matches!(reply, Value::Array(parts) if parts.len() == 3)
}

fn read_script_reply(first: &FirstGrant<'_>, reply: Result<Value, Failure>) -> Result<Claimed, StoreError> {
    parse_script_reply(reply?, first.claim.key.digest()).ok_or_else(fault::unexpected_reply)
}

/// Reads the reply of the claim script. An outcome comes as the whole record, so that the key's digest can be checked.
pub(super) fn parse_script_reply(reply: Value, digest: KeyDigest) -> Option<Claimed> {
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

/// Reads a grant from the adjacent fence and attempts of a record.
pub(super) fn grant(bytes: &[u8]) -> Option<Grant> {
    let (fence, attempt) = bytes.split_first_chunk()?;
    let attempt = u16::from_be_bytes(attempt.try_into().ok()?);
    Some(Grant::new(Fence::new(u64::from_be_bytes(*fence)), attempt.into()))
}

#[cfg(test)]
#[path = "claim_tests.rs"]
mod tests;
