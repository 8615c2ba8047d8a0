//! What a holder does with its lease: renew, complete, release, adopt.
//!
//! In a cluster the mark of an ordered delivery is on another master than its record. There a completion raises the mark
//! first and then completes the record, so that no older version is granted once the record says completed. A holder
//! that has lost its lease without knowing raises the mark all the same: to ask first would be one more round trip for
//! each completion, and the work of that version was done.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::join_all;
use redis::Value;

use super::Shared;
use super::call::Failure;
use super::codec::{be48, digest_end, identity, millis};
use super::command::{Command, argument};
use super::{claim, fault, script};
use crate::{Adopted, Completion, Hold, Lease, Owner, Record, Release, StoreError, StoreErrorKind};

impl Shared {
    pub(super) async fn renew(
        self: &Arc<Self>,
        lease: &Lease,
        duration: Duration,
    ) -> Result<Hold, StoreError> {
        hold(self.carry_out(&self.renewal(lease, duration)).await?)
    }

    pub(super) async fn renew_many(
        self: &Arc<Self>,
        leases: &[Lease],
        duration: Duration,
    ) -> Vec<Result<Hold, StoreError>> {
        let commands: Vec<Command> = leases.iter().map(|lease| self.renewal(lease, duration)).collect();
        holds(self.carry_out_all(&commands).await)
    }

    pub(super) async fn release(
        self: &Arc<Self>,
        lease: &Lease,
        release: Release,
    ) -> Result<Hold, StoreError> {
        hold(self.carry_out(&self.giving_up(lease, release)).await?)
    }

    pub(super) async fn release_many(
        self: &Arc<Self>,
        leases: &[Lease],
        release: Release,
    ) -> Vec<Result<Hold, StoreError>> {
        let commands: Vec<Command> = leases.iter().map(|lease| self.giving_up(lease, release)).collect();
        holds(self.carry_out_all(&commands).await)
    }

    pub(super) async fn adopt(
        self: &Arc<Self>,
        lease: &Lease,
        owner: Owner,
        duration: Duration,
    ) -> Result<Adopted, StoreError> {
        let command = self.lease_script(&script::ADOPT, lease, |arguments| {
            arguments.extend([argument(owner.as_bytes()), argument(be48(millis(duration)))]);
        });
        let mut calls = self.calls(command.name());
        match calls.carry_out(&command).await? {
            Value::Nil => Ok(Adopted::Lost),
            Value::BulkString(bytes) => {
                let grant = claim::grant(&bytes).ok_or_else(fault::senseless)?;
                calls.confirm().await?;
                Ok(Adopted::Granted(grant))
            }
            _ => Err(fault::senseless()),
        }
    }

    pub(super) async fn complete(self: &Arc<Self>, completion: &Completion) -> Result<Hold, StoreError> {
        let mut end = Ok(Hold::Held);
        if let Some(raise) = self.raise_elsewhere(completion) {
            end = self.carry_out_durably(&raise).await;
        }
        if let Ok(Hold::Held) = end {
            end = self.carry_out_durably(&self.completing(completion)).await;
        }
        self.pinned_if_full(completion, end).await
    }

    pub(super) async fn complete_many(
        self: &Arc<Self>,
        completions: &[Completion],
    ) -> Vec<Result<Hold, StoreError>> {
        if self.is_durable() {
            // They share their confirmations.
            return join_all(completions.iter().map(|completion| self.complete(completion))).await;
        }
        let raises = completions.iter().enumerate();
        let (raised, raises): (Vec<_>, Vec<_>) =
            raises.filter_map(|(at, completion)| Some((at, self.raise_elsewhere(completion)?))).unzip();
        let mut ends: Vec<_> = completions.iter().map(|_| Ok(Hold::Held)).collect();
        for (at, end) in raised.into_iter().zip(holds(self.carry_out_all(&raises).await)) {
            ends[at] = end;
        }
        let open = completions.iter().enumerate().filter(|(at, _)| ends[*at].is_ok());
        let (open, commands): (Vec<_>, Vec<_>) =
            open.map(|(at, completion)| (at, self.completing(completion))).unzip();
        for (at, end) in open.into_iter().zip(holds(self.carry_out_all(&commands).await)) {
            ends[at] = end;
        }
        let mut answers = Vec::with_capacity(ends.len());
        for (completion, end) in completions.iter().zip(ends) {
            answers.push(self.pinned_if_full(completion, end).await);
        }
        answers
    }

    /// Sends a command whose effect counts only once enough servers have it.
    async fn carry_out_durably(self: &Arc<Self>, command: &Command) -> Result<Hold, StoreError> {
        let mut calls = self.calls(command.name());
        let hold = hold(calls.carry_out(command).await?)?;
        if hold == Hold::Held {
            calls.confirm().await?;
        }
        Ok(hold)
    }

    /// The same end of a completion. Where the server is full, the key is put in doubt: the effect has happened, so it must not
    /// become claimable when the lease runs out.
    async fn pinned_if_full(
        self: &Arc<Self>,
        completion: &Completion,
        end: Result<Hold, StoreError>,
    ) -> Result<Hold, StoreError> {
        let Err(error) = end else { return end };
        if error.kind() != StoreErrorKind::Full {
            return Err(error);
        }
        let lease = &completion.lease;
        let pin = self.lease_script(&script::PIN, lease, |arguments| arguments.push(self.channel_of(lease)));
        match self.carry_out(&pin).await.map_err(StoreError::from).and_then(hold) {
            Ok(Hold::Lost) => Ok(Hold::Lost),
            Ok(Hold::Held) => Err(error),
            Err(pin_error) => {
                tracing::error!(?pin_error, "Redis is full, and the record could not be put in doubt either");
                Err(error)
            }
        }
    }

    fn renewal(&self, lease: &Lease, duration: Duration) -> Command {
        self.lease_script(&script::RENEW, lease, |arguments| arguments.push(argument(be48(millis(duration)))))
    }

    /// Gives a grant back that is stale. A key that it took over is abandoned again.
    pub(super) async fn give_back(
        self: &Arc<Self>,
        lease: &Lease,
        took_over: bool,
    ) -> Result<Hold, StoreError> {
        let how = if took_over { "untaken" } else { "unstarted" };
        hold(self.carry_out(&self.ending(lease, how)).await?)
    }

    fn giving_up(&self, lease: &Lease, release: Release) -> Command {
        self.ending(
            lease,
            match release {
                Release::Failed => "failed",
                Release::Unstarted => "unstarted",
                Release::Abandoned => "abandoned",
            },
        )
    }

    fn ending(&self, lease: &Lease, how: &'static str) -> Command {
        let kept = millis(Record::KEPT_WITHOUT_ATTEMPT).to_string();
        self.lease_script(&script::RELEASE, lease, |arguments| {
            arguments.extend([self.channel_of(lease), argument(how), argument(kept)]);
        })
    }

    /// The step before a completion that raises the mark, where it is on another master.
    fn raise_elsewhere(&self, completion: &Completion) -> Option<Command> {
        let order = completion.lease.order().filter(|_| self.route.is_sharded())?;
        Some(self.raise(order, millis(completion.retention)))
    }

    fn completing(&self, completion: &Completion) -> Command {
        let lease = &completion.lease;
        let order = lease.order().filter(|_| !self.route.is_sharded());
        let command = self.lease_script(&script::COMPLETE, lease, |arguments| {
            arguments.push(completion.outcome.as_bytes().clone());
            arguments.push(argument(be48(millis(completion.retention))));
            arguments.push(self.channel_of(lease));
            arguments.extend(order.map(|order| argument(order.version.get().to_be_bytes())));
        });
        command.with_name(order.map(|order| self.keys.mark(order.resource)))
    }

    /// A script that is told which lease it is about.
    fn lease_script(
        &self,
        script: &'static script::Script,
        lease: &Lease,
        more: impl FnOnce(&mut Vec<Bytes>),
    ) -> Command {
        let digest = lease.key().digest();
        let mut arguments =
            vec![argument(digest_end(digest)), argument(identity(lease.owner(), lease.fence()))];
        more(&mut arguments);
        Command::script(script, self.keys.record(digest), arguments)
    }

    fn channel_of(&self, lease: &Lease) -> Bytes {
        self.keys.channel(lease.key().digest()).into()
    }

    /// Whether writes are waited for.
    pub(super) fn is_durable(&self) -> bool {
        self.durability.command().is_some()
    }
}

fn holds(replies: Vec<Result<Value, Failure>>) -> Vec<Result<Hold, StoreError>> {
    replies.into_iter().map(|reply| hold(reply?)).collect()
}

pub(super) fn hold(reply: Value) -> Result<Hold, StoreError> {
    match reply {
        Value::Int(1) => Ok(Hold::Held),
        Value::Int(0) => Ok(Hold::Lost),
        _ => Err(fault::senseless()),
    }
}
