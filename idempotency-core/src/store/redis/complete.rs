//! The completion: a plain `SET IFEQ` where that is enough and the server has it, and a script for all other cases.
//!
//! The store remembers the records that its first grants wrote. Such a record has owner and fence in it, so as long as it is
//! unchanged, its lease is held. Every change by a script leaves other bytes: a takeover, a release, a resolution, and also a
//! waiter that wants to be woken. The script then decides, and publishes.
//!
//! In a cluster, the mark of an ordered delivery may be on another master than its record. A completion then raises the
//! mark first and completes the record second, so that no older version is granted once the record says completed. A
//! holder that has lost its lease without knowing it raises the mark too. Checking the lease first would cost each
//! completion one more round trip, and the work of that version was done.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use futures_util::future::join_all;
use redis::{Cmd, Value};

use super::Shared;
use super::call::command::Command;
use super::holder::{parse_hold, parse_holds};
use super::mark;
use super::net::fault;
use super::record::codec::{self, be48, millis};
use super::record::script;
use crate::{Completion, Hold, StoreError, StoreErrorKind};

impl Shared {
    pub(super) async fn complete(self: &Arc<Self>, completion: &Completion) -> Result<Hold, StoreError> {
        let mut result = Ok(Hold::Held);
        let raise = self.separate_raise(completion);
        if let Some(raise) = &raise {
            result = self.execute_durably(raise).await;
        }
        if let Ok(Hold::Held) = result {
            result = self.complete_record(completion).await;
            if raise.is_some() {
                result = result.map_err(mark::after_raise);
            }
        }
        self.pin_if_full(completion, result).await
    }

    async fn complete_record(self: &Arc<Self>, completion: &Completion) -> Result<Hold, StoreError> {
        if let Some(command) = self.set_if_unchanged(completion) {
            let mut calls = self.calls(command.name());
            match calls.execute(&command).await {
                Ok(Value::Okay) => {
                    calls.confirm().await?;
                    return Ok(Hold::Held);
                }
                Ok(Value::Nil) => {}
                Ok(_) => return Err(fault::unexpected_reply()),
                Err(failure) if failure.is(fault::is_full) || failure.is(fault::is_wrong_type) => {}
                Err(failure) if failure.is(fault::is_syntax_error) => {
                    self.set_ifeq.store(false, Ordering::Relaxed);
                }
                Err(failure) => return Err(failure.into()),
            }
        }
        self.execute_durably(&self.complete_command(completion)).await
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

    /// The command that raises the mark before the completion, if the mark may be on another master.
    fn separate_raise(&self, completion: &Completion) -> Option<Command> {
        let order = completion.lease.order().filter(|_| self.route.is_sharded())?;
        Some(self.raise_command(order, millis(completion.retention)))
    }

    /// `SET record IFEQ`: completes the record that a first grant wrote, unless it has changed. `None` if the script is
    /// needed.
    fn set_if_unchanged(&self, completion: &Completion) -> Option<Command> {
        let lease = &completion.lease;
        let granted = self.first_grants.take(lease)?;
        let has_mark = lease.order().is_some() && !self.route.is_sharded();
        if has_mark || !self.set_ifeq.load(Ordering::Relaxed) {
            return None;
        }
        let retention = millis(completion.retention);
        let completed = codec::completed(&granted, retention, completion.outcome.as_bytes());
        let name = self.keys.record(lease.key().digest());
        let mut command = Cmd::with_capacity(7, 64 + name.len() + completed.len() + granted.len());
        command.arg("SET").arg(&name).arg(completed);
        command.arg("IFEQ").arg(granted).arg("PX").arg(retention);
        Some(Command::plain(name, command))
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
}
