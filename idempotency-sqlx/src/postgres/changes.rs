//! Changes of records: one connection per process listens for them, and a change in this process wakes its own waiters
//! at once.
//!
//! A notification is sent after the change is committed, never inside its transaction, because PostgreSQL commits the
//! transactions that notify one after another. It may be lost with the process, so waiters also look at the row from time
//! to time.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use idempotency_core::{KeyDigest, StoreError};
use sqlx::Row as _;
use sqlx::postgres::{PgConnectOptions, PgListener, PgPoolOptions};
use tokio::sync::{Notify, watch};
use tokio::time::{sleep, timeout};

use super::Shared;
use super::call::Call;
use super::fault;
use crate::row::duration;

/// How often a waiter looks at the row even if it would be notified.
const LISTENING_INTERVAL: Duration = Duration::from_secs(5);
/// The pause between two looks at the row without notifications: the first, and the longest.
const POLL_INTERVALS: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(1));
/// The pause before the next try to listen.
const RECONNECT_PAUSE: Duration = Duration::from_secs(1);
/// How long the connection is kept without a waiter.
const IDLE_LIMIT: Duration = Duration::from_secs(60);
/// The digests in one notification, whose payload may have 8,000 bytes.
const DIGESTS_PER_NOTIFICATION: usize = 160;

/// The waiters of this process, and the connection that listens for them.
pub(super) struct Changes {
    options: PgConnectOptions,
    channel: String,
    listens: bool,
    waiting: Mutex<HashMap<KeyDigest, Waiting>>,
    listening: watch::Sender<Connection>,
    /// The changes of this process that are still to be sent, and whether a task sends them.
    outgoing: Mutex<Outgoing>,
}

/// Whether a connection listens.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Connection {
    Stopped,
    Connecting,
    Listening,
    Lost,
}

#[derive(Default)]
struct Waiting {
    waiters: usize,
    notify: Arc<Notify>,
}

#[derive(Default)]
struct Outgoing {
    digests: Vec<KeyDigest>,
    is_sending: bool,
}

impl Changes {
    pub(super) fn new(options: PgConnectOptions, channel: String, listens: bool) -> Self {
        Self {
            options,
            channel,
            listens,
            waiting: Mutex::default(),
            listening: watch::Sender::new(Connection::Stopped),
            outgoing: Mutex::default(),
        }
    }

    /// Wakes this process's waiters of a key.
    fn wake(&self, key: KeyDigest) {
        if let Some(waiting) = lock(&self.waiting).get(&key) {
            waiting.notify.notify_waiters();
        }
    }

    fn wake_all(&self) {
        for waiting in lock(&self.waiting).values() {
            waiting.notify.notify_waiters();
        }
    }

    /// Starts to listen if no task does yet, and returns whether a connection listens.
    async fn listen(self: &Arc<Self>) -> bool {
        if !self.listens {
            return false;
        }
        let starts = self.listening.send_if_modified(|state| {
            let stopped = *state == Connection::Stopped;
            if stopped {
                *state = Connection::Connecting;
            }
            stopped
        });
        if starts {
            let listening = Listening(Arc::downgrade(self));
            tokio::spawn(listen(listening, self.options.clone(), self.channel.clone()));
        }
        let mut state = self.listening.subscribe();
        let known = state.wait_for(|state| *state != Connection::Connecting).await;
        known.is_ok_and(|state| *state == Connection::Listening)
    }
}

/// A waiter of a key. Dropping it ends the wait.
struct Waiter {
    changes: Arc<Changes>,
    key: KeyDigest,
    notify: Arc<Notify>,
}

impl Waiter {
    fn new(changes: &Arc<Changes>, key: KeyDigest) -> Self {
        let mut waiting = lock(&changes.waiting);
        let entry = waiting.entry(key).or_default();
        entry.waiters += 1;
        let notify = Arc::clone(&entry.notify);
        drop(waiting);
        Self { changes: Arc::clone(changes), key, notify }
    }
}

impl Drop for Waiter {
    fn drop(&mut self) {
        let mut waiting = lock(&self.changes.waiting);
        if let Some(entry) = waiting.get_mut(&self.key) {
            entry.waiters -= 1;
            if entry.waiters == 0 {
                waiting.remove(&self.key);
            }
        }
    }
}

/// The task that listens. Its drop says that it has ended: a task also ends with its runtime, and another runtime may
/// have waiters.
struct Listening(Weak<Changes>);

impl Drop for Listening {
    fn drop(&mut self) {
        if let Some(changes) = self.0.upgrade() {
            changes.listening.send_replace(Connection::Stopped);
            changes.wake_all();
        }
    }
}

/// Listens until no waiter is left, or the store is gone.
async fn listen(listening: Listening, options: PgConnectOptions, channel: String) {
    let mut lost = false;
    loop {
        let received = receive(&listening.0, &options, &channel, lost).await;
        let Some(changes) = listening.0.upgrade() else { return };
        if received.is_ok() {
            return;
        }
        // Waiters look at their rows by themselves until the connection is back.
        changes.listening.send_replace(Connection::Lost);
        changes.wake_all();
        lost = true;
        drop(changes);
        sleep(RECONNECT_PAUSE).await;
    }
}

/// Listens on one connection, and wakes waiters. Ends without an error when no waiter is left.
async fn receive(
    changes: &Weak<Changes>,
    options: &PgConnectOptions,
    channel: &str,
    lost: bool,
) -> Result<(), sqlx::Error> {
    let pool = PgPoolOptions::new()
        .max_connections(1)
        .max_lifetime(None)
        .idle_timeout(None)
        .connect_lazy_with(options.clone());
    let mut listener = PgListener::connect_with(&pool).await?;
    listener.eager_reconnect(false);
    listener.listen(channel).await?;
    {
        let Some(changes) = changes.upgrade() else { return Ok(()) };
        changes.listening.send_replace(Connection::Listening);
        if lost {
            changes.wake_all();
        }
    }
    let mut idle = Duration::ZERO;
    loop {
        let received = timeout(LISTENING_INTERVAL, listener.try_recv()).await;
        let Some(changes) = changes.upgrade() else { return Ok(()) };
        match received {
            Ok(Ok(Some(notification))) => {
                for digest in notification.payload().split(' ').filter_map(|digest| digest.parse().ok()) {
                    changes.wake(digest);
                }
            }
            Ok(Ok(None)) => return Err(sqlx::Error::WorkerCrashed),
            Ok(Err(error)) => return Err(error),
            Err(_) => {
                let waiting = lock(&changes.waiting);
                idle = if waiting.is_empty() { idle + LISTENING_INTERVAL } else { Duration::ZERO };
                if idle >= IDLE_LIMIT {
                    return Ok(());
                }
            }
        }
    }
}

/// The task that sends the changes of this process. The next change starts another one if it ends with its runtime.
struct Sending {
    shared: Arc<Shared>,
    has_ended: bool,
}

impl Sending {
    /// Sends the changes. One statement carries all changes since the last one.
    async fn run(mut self) {
        while let Some(digests) = self.next() {
            let payload = digests.iter().map(KeyDigest::to_string).collect::<Vec<_>>().join(" ");
            let notify = Call::new(&self.shared.statements.notify);
            let notify = notify.bind(self.shared.changes.channel.as_str()).bind(payload);
            // Waiters that miss it look at their rows by themselves.
            if let Err(error) = self.shared.rows(notify).await {
                tracing::debug!(?error, "waiters in other processes were not notified");
            }
        }
    }

    /// What to send next. With nothing left, the next change starts another task.
    fn next(&mut self) -> Option<Vec<KeyDigest>> {
        let mut outgoing = lock(&self.shared.changes.outgoing);
        if outgoing.digests.is_empty() {
            outgoing.is_sending = false;
            self.has_ended = true;
            return None;
        }
        let count = outgoing.digests.len().min(DIGESTS_PER_NOTIFICATION);
        Some(outgoing.digests.drain(..count).collect())
    }
}

impl Drop for Sending {
    fn drop(&mut self) {
        if !self.has_ended {
            lock(&self.shared.changes.outgoing).is_sending = false;
        }
    }
}

impl Shared {
    /// Tells waiters in this process and in others that a record has changed. Does not wait until they know.
    pub(super) fn changed(self: &Arc<Self>, key: KeyDigest) {
        self.changes.wake(key);
        if !self.changes.listens {
            return;
        }
        let mut outgoing = lock(&self.changes.outgoing);
        outgoing.digests.push(key);
        if !outgoing.is_sending {
            outgoing.is_sending = true;
            drop(outgoing);
            tokio::spawn(Sending { shared: Arc::clone(self), has_ended: false }.run());
        }
    }

    /// Returns when the record may have changed, or after `limit`.
    pub(super) async fn wait_for_change(
        self: &Arc<Self>,
        key: KeyDigest,
        limit: Duration,
    ) -> Result<(), StoreError> {
        // Reaching the limit is not a failure.
        timeout(limit, self.change(key)).await.unwrap_or(Ok(()))
    }

    async fn change(&self, key: KeyDigest) -> Result<(), StoreError> {
        let waiter = Waiter::new(&self.changes, key);
        let mut interval = POLL_INTERVALS.0;
        loop {
            let notified = waiter.notify.notified();
            tokio::pin!(notified);
            notified.as_mut().enable();
            // Connecting may take long, and the waiter looks at the row meanwhile.
            let listens = timeout(POLL_INTERVALS.0, self.changes.listen()).await.unwrap_or(false);
            // A change before the connection listened sent no notification here, so look at the row afterwards.
            let Some(lease_left) = self.lease_left(key).await? else { return Ok(()) };
            let pause = if listens { LISTENING_INTERVAL } else { interval };
            interval = (interval * 2).min(POLL_INTERVALS.1);
            if timeout(pause.min(lease_left), notified).await.is_ok() {
                return Ok(());
            }
        }
    }

    /// The time until a claim may find the lease expired. `None` if the key is not held.
    async fn lease_left(&self, key: KeyDigest) -> Result<Option<Duration>, StoreError> {
        let call = Call::new(&self.statements.lease_left).bind(key.as_bytes().as_slice());
        let rows = self.rows(call).await?;
        let left = rows.first().map(|row| row.try_get("lease_left").map(duration)).transpose();
        left.map_err(fault::of_statement)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
