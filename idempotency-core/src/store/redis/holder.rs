//! The operations of a lease's holder: renew, complete, release, adopt.
//!
//! In a cluster, the mark of an ordered delivery may be on another master than its record. A completion then raises the
//! mark first and completes the record second, so that no older version is granted once the record says completed. A
//! holder that has lost its lease without knowing it raises the mark too. Checking the lease first would cost each
//! completion one more round trip, and the work of that version was done.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use redis::Value;

use super::Shared;
use super::call::Failure;
use super::call::command::Command;
use super::claim;
use super::mark;
use super::net::fault;
use super::record::codec::{be48, digest_end, identity, millis};
use super::record::script;
use crate::store::Record;
use crate::{
    Adopted, Completion, Hold, KeyDigest, Lease, Owner, Release, ScopedOrder, StoreError, StoreErrorKind,
};

impl Shared {
    pub(super) async fn renew(
        self: &Arc<Self>,
        lease: &Lease,
        duration: Duration,
    ) -> Result<Hold, StoreError> {
        parse_hold(self.execute(&self.renew_command(lease, duration)).await?)
    }

    pub(super) async fn renew_many(
        self: &Arc<Self>,
        leases: &[Lease],
        duration: Duration,
    ) -> Vec<Result<Hold, StoreError>> {
        let commands: Vec<Command> = leases.iter().map(|lease| self.renew_command(lease, duration)).collect();
        parse_holds(self.execute_all(&commands).await)
    }

    pub(super) async fn release(
        self: &Arc<Self>,
        lease: &Lease,
        release: Release,
    ) -> Result<Hold, StoreError> {
        parse_hold(self.execute(&self.release_command(lease, release)).await?)
    }

    pub(super) async fn release_many(
        self: &Arc<Self>,
        leases: &[Lease],
        release: Release,
    ) -> Vec<Result<Hold, StoreError>> {
        let commands: Vec<Command> =
            leases.iter().map(|lease| self.release_command(lease, release)).collect();
        parse_holds(self.execute_all(&commands).await)
    }

    pub(super) async fn adopt(
        self: &Arc<Self>,
        lease: &Lease,
        owner: Owner,
        duration: Duration,
    ) -> Result<Adopted, StoreError> {
        let command = self
            .lease_script(&script::ADOPT, lease, None)
            .with(owner.as_bytes())
            .with(be48(millis(duration)));
        let mut calls = self.calls(command.name());
        match calls.execute(&command).await? {
            Value::Nil => Ok(Adopted::Lost),
            Value::BulkString(bytes) => {
                let grant = claim::grant(&bytes).ok_or_else(fault::unexpected_reply)?;
                calls.confirm().await?;
                Ok(Adopted::Granted(grant))
            }
            _ => Err(fault::unexpected_reply()),
        }
    }

    pub(super) async fn complete(self: &Arc<Self>, completion: &Completion) -> Result<Hold, StoreError> {
        let mut result = Ok(Hold::Held);
        let raise = self.separate_raise(completion);
        if let Some(raise) = &raise {
            result = self.execute_durably(raise).await;
        }
        if let Ok(Hold::Held) = result {
            result = self.execute_durably(&self.complete_command(completion)).await;
            if raise.is_some() {
                result = result.map_err(mark::after_raise);
            }
        }
        self.pin_if_full(completion, result).await
    }

    pub(super) async fn complete_many(
        self: &Arc<Self>,
        completions: &[Completion],
    ) -> Vec<Result<Hold, StoreError>> {
        if self.is_durable() {
            // Concurrent completions share their confirmations.
            return join_all(completions.iter().map(|completion| self.complete(completion))).await;
        }
        let raises = completions.iter().enumerate();
        let (raised, raises): (Vec<_>, Vec<_>) =
            raises.filter_map(|(at, completion)| Some((at, self.separate_raise(completion)?))).unzip();
        let mut results: Vec<_> = completions.iter().map(|_| Ok(Hold::Held)).collect();
        for (at, result) in raised.into_iter().zip(parse_holds(self.execute_all(&raises).await)) {
            results[at] = result;
        }
        let open = completions.iter().enumerate().filter(|(at, _)| results[*at].is_ok());
        let (open, commands): (Vec<_>, Vec<_>) =
            open.map(|(at, completion)| (at, self.complete_command(completion))).unzip();
        for (at, result) in open.into_iter().zip(parse_holds(self.execute_all(&commands).await)) {
            let has_raised = self.separate_raise(&completions[at]).is_some();
            results[at] = if has_raised { result.map_err(mark::after_raise) } else { result };
        }
        let mut answers = Vec::with_capacity(results.len());
        for (completion, result) in completions.iter().zip(results) {
            answers.push(self.pin_if_full(completion, result).await);
        }
        answers
    }

    /// Sends a command, and waits until enough servers have its effect.
    async fn execute_durably(self: &Arc<Self>, command: &Command) -> Result<Hold, StoreError> {
        let mut calls = self.calls(command.name());
        let hold = parse_hold(calls.execute(command).await?)?;
        if hold == Hold::Held {
            calls.confirm().await?;
        }
        Ok(hold)
    }

    /// Puts the key in doubt if its completion failed because the server is full, and passes the result of the
    /// completion on. The handler's effect has happened, so the key must not become claimable when the lease runs out.
    async fn pin_if_full(
        self: &Arc<Self>,
        completion: &Completion,
        completed: Result<Hold, StoreError>,
    ) -> Result<Hold, StoreError> {
        let Err(error) = completed else { return completed };
        if error.kind() != StoreErrorKind::Full {
            return Err(error);
        }
        let lease = &completion.lease;
        let pin = self.lease_script(&script::PIN, lease, None).with(self.channel_of(lease));
        match self.execute(&pin).await.map_err(StoreError::from).and_then(parse_hold) {
            Ok(Hold::Lost) => Ok(Hold::Lost),
            Ok(Hold::Held) => Err(error),
            Err(pin_error) => {
                tracing::error!(?pin_error, "Redis is full, and the record could not be put in doubt");
                Err(error)
            }
        }
    }

    fn renew_command(&self, lease: &Lease, duration: Duration) -> Command {
        self.lease_script(&script::RENEW, lease, None).with(be48(millis(duration)))
    }

    /// Gives a stale grant back. If the grant was a takeover, the key becomes abandoned again.
    pub(super) async fn give_back(
        self: &Arc<Self>,
        lease: &Lease,
        took_over: bool,
    ) -> Result<Hold, StoreError> {
        let how = if took_over { "untaken" } else { "unstarted" };
        parse_hold(self.execute(&self.release_script(lease, how)).await?)
    }

    fn release_command(&self, lease: &Lease, release: Release) -> Command {
        self.release_script(
            lease,
            match release {
                Release::Failed => "failed",
                Release::Unstarted => "unstarted",
                Release::Abandoned => "abandoned",
            },
        )
    }

    fn release_script(&self, lease: &Lease, how: &'static str) -> Command {
        let kept = millis(Record::KEPT_WITHOUT_ATTEMPT).to_string();
        self.lease_script(&script::RELEASE, lease, None).with(self.channel_of(lease)).with(how).with(kept)
    }

    /// The command that raises the mark before the completion, if the mark may be on another master.
    fn separate_raise(&self, completion: &Completion) -> Option<Command> {
        let order = completion.lease.order().filter(|_| self.route.is_sharded())?;
        Some(self.raise_command(order, millis(completion.retention)))
    }

    fn complete_command(&self, completion: &Completion) -> Command {
        let lease = &completion.lease;
        let order = lease.order().filter(|_| !self.route.is_sharded());
        let command = self
            .lease_script(&script::COMPLETE, lease, order)
            .with(completion.outcome.as_bytes())
            .with(be48(millis(completion.retention)))
            .with(self.channel_of(lease));
        match order {
            Some(order) => command.with(order.version.get().to_be_bytes()),
            None => command,
        }
    }

    /// A script on the record of this lease, and on the mark of an order.
    fn lease_script(
        &self,
        script: &'static script::Script,
        lease: &Lease,
        order: Option<ScopedOrder>,
    ) -> Command {
        let digest = lease.key().digest();
        self.record_script(script, digest, order)
            .with(digest_end(digest))
            .with(identity(lease.owner(), lease.fence()))
    }

    /// A script on a record, and on the mark of an order, which must be on the same master.
    pub(super) fn record_script(
        &self,
        script: &'static script::Script,
        digest: KeyDigest,
        order: Option<ScopedOrder>,
    ) -> Command {
        let mark = order.map(|order| self.keys.mark(order.resource));
        Command::script(script, self.keys.record(digest), mark.as_deref())
    }

    fn channel_of(&self, lease: &Lease) -> String {
        self.keys.channel(lease.key().digest())
    }

    /// Whether writes wait for confirmations.
    pub(super) fn is_durable(&self) -> bool {
        self.durability.command().is_some()
    }
}

fn parse_holds(replies: Vec<Result<Value, Failure>>) -> Vec<Result<Hold, StoreError>> {
    replies.into_iter().map(|reply| parse_hold(reply?)).collect()
}

pub(super) fn parse_hold(reply: Value) -> Result<Hold, StoreError> {
    match reply {
        Value::Int(1) => Ok(Hold::Held),
        Value::Int(0) => Ok(Hold::Lost),
        _ => Err(fault::unexpected_reply()),
    }
}
