//! Waiting for a record to change: a published message or the end of the lease ends the wait. Polls only without a
//! subscription, or where a full server refuses the flag that asks for messages.

use std::sync::Arc;
use std::time::Duration;

use redis::Value;

use super::Shared;
use super::call::command::Command;
use super::net::fault;
use super::net::subscriptions::{Signal, Subscription};
use super::record::codec::{digest_end, millis};
use super::record::script;
use crate::{KeyDigest, StoreError};

/// The minimum time between two reads of one record, which keeps a wait without a subscription cheap.
const POLL_INTERVAL: Duration = Duration::from_millis(100);

/// The maximum time between two reads of one record. A failover may lose the flag that asks for messages, and each read sets
/// it again.
const MAX_PAUSE: Duration = Duration::from_secs(5);

impl Shared {
    /// Returns when the record may have changed, or after `timeout`.
    pub(super) async fn wait_for_change(
        self: &Arc<Self>,
        key: KeyDigest,
        timeout: Duration,
    ) -> Result<(), StoreError> {
        // Reaching the timeout is not a failure.
        tokio::time::timeout(timeout, self.change(key)).await.unwrap_or(Ok(()))
    }

    async fn change(self: &Arc<Self>, key: KeyDigest) -> Result<(), StoreError> {
        let mut subscription = self.subscriptions.subscribe(self.keys.channel(key));
        let before = subscription.signal().messages;
        subscription.wait_for(|signal| signal.subscribed || signal.lost).await;
        // A change before the subscription publishes to no waiter, so read the record once after it.
        let mut pause = self.lease_left(key).await?;
        while !pause.is_zero() {
            if woken_within(&mut subscription, before, pause.min(MAX_PAUSE)).await {
                return Ok(());
            }
            // The lease ran out or was renewed, the subscription was lost, or it is time to look again.
            pause = match self.lease_left(key).await? {
                Duration::ZERO => Duration::ZERO,
                left => left.max(POLL_INTERVAL),
            };
        }
        Ok(())
    }

    /// The time until a claim may find the lease expired. Zero if the key is not held. Otherwise the next change of the
    /// record publishes a message, or the time is at most [`POLL_INTERVAL`].
    async fn lease_left(self: &Arc<Self>, key: KeyDigest) -> Result<Duration, StoreError> {
        let next_look = millis(POLL_INTERVAL).to_string();
        let command =
            Command::script(&script::PEEK, self.keys.record(key), None).with(digest_end(key)).with(next_look);
        match self.execute(&command).await? {
            Value::Int(left) => Ok(Duration::from_millis(u64::try_from(left).unwrap_or(0))),
            _ => Err(fault::unexpected_reply()),
        }
    }
}

/// Whether a wake-up came within `time`. Without a subscription, sleeps for at most [`POLL_INTERVAL`] instead.
async fn woken_within(subscription: &mut Subscription, before: u64, time: Duration) -> bool {
    let woken = |signal: &Signal| signal.messages != before;
    if !subscription.signal().lost {
        let signal = subscription.wait_for(|signal| woken(signal) || signal.lost);
        match tokio::time::timeout(time, signal).await {
            Ok(signal) if woken(&signal) => return true,
            Ok(_) => {}
            Err(_) => return false,
        }
    }
    tokio::time::sleep(time.min(POLL_INTERVAL)).await;
    false
}
