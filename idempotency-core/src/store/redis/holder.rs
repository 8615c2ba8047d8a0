//! The operations of a lease's holder, except for the completion: renew, release, adopt.

use std::sync::Arc;
use std::time::Duration;

use redis::Value;

use super::Shared;
use super::call::Failure;
use super::call::command::Command;
use super::claim;
use super::net::fault;
use super::record::codec::{be48, digest_end, identity, millis};
use super::record::script;
use crate::store::Record;
use crate::{Adopted, Hold, KeyDigest, Lease, Owner, Release, ScopedOrder, StoreError};

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
        self.first_grants.take(lease);
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

    /// Sends a command, and waits until enough servers have its effect.
    pub(super) async fn execute_durably(self: &Arc<Self>, command: &Command) -> Result<Hold, StoreError> {
        let mut calls = self.calls(command.name());
        let hold = parse_hold(calls.execute(command).await?)?;
        if hold == Hold::Held {
            calls.confirm().await?;
        }
        Ok(hold)
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

    /// A script on the record of this lease, and on the mark of an order.
    pub(super) fn lease_script(
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

    pub(super) fn channel_of(&self, lease: &Lease) -> String {
        self.keys.channel(lease.key().digest())
    }

    /// Whether writes wait for confirmations.
    pub(super) fn is_durable(&self) -> bool {
        self.durability.command().is_some()
    }
}

pub(super) fn parse_holds(replies: Vec<Result<Value, Failure>>) -> Vec<Result<Hold, StoreError>> {
    replies.into_iter().map(|reply| parse_hold(reply?)).collect()
}

pub(super) fn parse_hold(reply: Value) -> Result<Hold, StoreError> {
    match reply {
        Value::Int(1) => Ok(Hold::Held),
        Value::Int(0) => Ok(Hold::Lost),
        _ => Err(fault::unexpected_reply()),
    }
}
