//! Waiting for a record to change: woken by its channel, and by the end of the lease; no polling while that works.

use std::sync::Arc;
use std::time::Duration;

use redis::Value;

use super::Shared;
use super::codec::digest_end;
use super::command::{Command, argument};
use super::waiters::{Signal, Ticket};
use super::{fault, script};
use crate::{KeyDigest, StoreError};

/// The shortest pause between two looks at one record, so that a wait without wake-ups stays cheap.
const PAUSE: Duration = Duration::from_millis(100);

impl Shared {
    /// Returns when the record may have changed, or after `timeout`.
    pub(super) async fn wait_for_change(
        self: &Arc<Self>,
        key: KeyDigest,
        timeout: Duration,
    ) -> Result<(), StoreError> {
        // Time running out is an answer, not a failure.
        tokio::time::timeout(timeout, self.change(key)).await.unwrap_or(Ok(()))
    }

    async fn change(self: &Arc<Self>, key: KeyDigest) -> Result<(), StoreError> {
        let mut ticket = self.waiters.join(self.keys.channel(key));
        let before = ticket.now().wakes;
        ticket.until(|signal| signal.subscribed || signal.lost).await;
        // A change before the subscription wakes no waiter, so look once after it.
        let mut pause = self.lease_left(key).await?;
        while !pause.is_zero() {
            if woken_within(&mut ticket, before, pause).await {
                return Ok(());
            }
            // The lease ran out, or was renewed meanwhile, or there are no wake-ups to be had.
            pause = match self.lease_left(key).await? {
                Duration::ZERO => Duration::ZERO,
                left => left.max(PAUSE),
            };
        }
        Ok(())
    }

    /// How long until a claim may find the record changed by time alone; zero where it is not held.
    async fn lease_left(self: &Arc<Self>, key: KeyDigest) -> Result<Duration, StoreError> {
        let arguments = vec![argument(digest_end(key))];
        match self.carry_out(&Command::script(&script::PEEK, self.keys.record(key), arguments)).await? {
            Value::Int(left) => Ok(Duration::from_millis(u64::try_from(left).unwrap_or(0))),
            _ => Err(fault::senseless()),
        }
    }
}

/// Whether a wake-up came within the time. Without a subscription the time is one pause at most.
async fn woken_within(ticket: &mut Ticket, before: u64, time: Duration) -> bool {
    let woken = |signal: &Signal| signal.wakes != before;
    if !ticket.now().lost {
        let signal = ticket.until(|signal| woken(signal) || signal.lost);
        match tokio::time::timeout(time, signal).await {
            Ok(signal) if woken(&signal) => return true,
            Ok(_) => {}
            Err(_) => return false,
        }
    }
    tokio::time::sleep(time.min(PAUSE)).await;
    false
}
