//! The confirmer: waits until enough servers have a write, for many writes at once.
//!
//! `WAIT` covers the writes of its own connection, and blocks that connection. So writes use the shared connection,
//! which never waits. The confirmer then touches their records on another connection, and waits there. Replication
//! keeps the order of writes, so a replica that has the touch has the earlier write too. One wait covers all touches
//! before it, so writes wait in groups.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{Cmd, RedisError, RedisResult, Value};
use tokio::sync::oneshot;

use super::super::net::dial::Dial;
use super::super::net::fault::{self, ConnectionState};

/// How many groups wait at once, each on its own connection. Queued writes are the next group of the first connection
/// that becomes free. After `1 / MAX_GROUPS` of the wait's timeout they start on another connection, if fewer than
/// `MAX_GROUPS` wait.
const MAX_GROUPS: u32 = 4;

/// Sets the record's TTL to its current value, which changes nothing but is replicated, and returns it. Writes nothing
/// if the record is gone.
const TOUCH: &str = "local ttl = redis.call('PTTL', KEYS[1]) \
     if ttl > 0 then redis.call('PEXPIRE', KEYS[1], ttl) end \
     return ttl";

/// The command that waits, and its timeouts.
pub(crate) struct Wait {
    pub(crate) command: Cmd,
    /// How long the servers may take to confirm.
    pub(crate) timeout: Duration,
    /// How much longer than `timeout` the reply may take.
    pub(crate) reply_timeout: Duration,
}

/// Waits for the confirmations of one runtime's writes to one server.
#[derive(Default)]
pub(crate) struct Confirmer(Mutex<State>);

#[derive(Default)]
struct State {
    /// The writes of the next group.
    queue: Vec<PendingWrite>,
    /// How many groups have been started.
    started: u64,
    /// How many connections have a waiting group.
    busy: u32,
    idle: Vec<MultiplexedConnection>,
}

/// A write that waits for confirmations.
struct PendingWrite {
    record: String,
    asking: bool,
    answer: oneshot::Sender<RedisResult<Value>>,
}

impl Confirmer {
    /// Waits until the servers confirm the last write of this record, and returns the reply to the wait. With `asking`,
    /// an `ASKING` precedes the touch, for a slot that is migrating.
    ///
    /// # Cancel safety
    /// Dropping the future stops the wait; the write stands.
    pub(crate) async fn confirm(
        self: &Arc<Self>,
        dial: &Arc<dyn Dial>,
        wait: Arc<Wait>,
        record: &str,
        asking: bool,
    ) -> RedisResult<Value> {
        let (answer, mut answered) = oneshot::channel();
        let group = self.enqueue(PendingWrite { record: record.to_owned(), asking, answer }, dial, &wait);
        let reply = match tokio::time::timeout(wait.timeout / MAX_GROUPS, &mut answered).await {
            Ok(reply) => reply,
            Err(_) => {
                self.start_if_queued(group, dial, &wait);
                answered.await
            }
        };
        reply.unwrap_or_else(|_| Err(io_error("the wait was dropped")))
    }

    /// Queues a write for the next group, which it starts if no other waits. Returns how many groups were started before.
    fn enqueue(self: &Arc<Self>, write: PendingWrite, dial: &Arc<dyn Dial>, wait: &Arc<Wait>) -> u64 {
        let mut state = self.lock();
        state.queue.push(write);
        let group = state.started;
        if state.busy == 0 {
            self.start_group(state, dial, wait);
        }
        group
    }

    /// Closes the idle connections: the server is gone or no longer the master.
    pub(crate) fn close_idle(&self) {
        self.lock().idle.clear();
    }

    /// Starts the queued group, unless it has been started already or too many groups wait.
    fn start_if_queued(self: &Arc<Self>, group: u64, dial: &Arc<dyn Dial>, wait: &Arc<Wait>) {
        let state = self.lock();
        if state.started == group && state.busy < MAX_GROUPS {
            self.start_group(state, dial, wait);
        }
    }

    fn start_group(
        self: &Arc<Self>,
        mut state: MutexGuard<'_, State>,
        dial: &Arc<dyn Dial>,
        wait: &Arc<Wait>,
    ) {
        state.started += 1;
        state.busy += 1;
        let (group, idle) = (std::mem::take(&mut state.queue), state.idle.pop());
        // A runtime that is shutting down drops the task at once, and dropping it takes the lock.
        drop(state);
        let task = GroupTask { confirmer: Arc::clone(self), is_busy: true };
        tokio::spawn(task.run(Arc::clone(dial), Arc::clone(wait), group, idle));
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The task of one connection, which waits for one group after the other.
struct GroupTask {
    confirmer: Arc<Confirmer>,
    is_busy: bool,
}

impl GroupTask {
    async fn run(
        mut self,
        dial: Arc<dyn Dial>,
        wait: Arc<Wait>,
        mut group: Vec<PendingWrite>,
        mut connection: Option<MultiplexedConnection>,
    ) {
        loop {
            // A dropped caller needs no answer.
            group.retain(|write| !write.answer.is_closed());
            if !group.is_empty() {
                connection = self.confirm(&*dial, &wait, group, connection).await;
            }
            let mut state = self.confirmer.lock();
            if state.queue.is_empty() {
                state.idle.extend(connection);
                state.busy -= 1;
                self.is_busy = false;
                return;
            }
            state.started += 1;
            group = std::mem::take(&mut state.queue);
        }
    }

    /// Waits for the group and answers each write. Returns the connection if it can be used again.
    async fn confirm(
        &self,
        dial: &dyn Dial,
        wait: &Wait,
        group: Vec<PendingWrite>,
        connection: Option<MultiplexedConnection>,
    ) -> Option<MultiplexedConnection> {
        match exchange(dial, wait, &group, connection).await {
            Ok((connection, mut touched, waited)) => {
                for write in group {
                    let reply = touched.next().unwrap_or_else(|| Err(io_error("a reply is missing")));
                    let reply = match reply {
                        Ok(Value::Int(1..)) => waited.clone(),
                        Ok(_) => Err(io_error("the record is gone")),
                        Err(cause) => Err(cause),
                    };
                    let _ = write.answer.send(reply);
                }
                self.keeps_connection(waited.err().as_ref()).then_some(connection)
            }
            Err(cause) => {
                self.keeps_connection(Some(&cause));
                for write in group {
                    let _ = write.answer.send(Err(cause.clone()));
                }
                None
            }
        }
    }

    /// Whether the connection can be used again after this result. Closes the idle ones too if the server is gone or no
    /// longer the master.
    fn keeps_connection(&self, cause: Option<&RedisError>) -> bool {
        let state = cause.map_or(ConnectionState::Alive, fault::connection_state);
        if state == ConnectionState::Unusable {
            self.confirmer.close_idle();
        }
        state == ConnectionState::Alive
    }
}

impl Drop for GroupTask {
    fn drop(&mut self) {
        if self.is_busy {
            let mut state = self.confirmer.lock();
            state.busy -= 1;
            // No task is left that would answer what is queued, and its callers would wait for ever.
            let unanswered = if state.busy == 0 { std::mem::take(&mut state.queue) } else { Vec::new() };
            drop(state);
            drop(unanswered);
        }
    }
}

type Replies = std::iter::FilterMap<
    std::iter::Zip<std::vec::IntoIter<Value>, std::vec::IntoIter<bool>>,
    fn((Value, bool)) -> Option<RedisResult<Value>>,
>;

/// Touches each record, and waits. Returns the connection, the reply to each touch, and the reply to the wait.
async fn exchange(
    dial: &dyn Dial,
    wait: &Wait,
    group: &[PendingWrite],
    connection: Option<MultiplexedConnection>,
) -> RedisResult<(MultiplexedConnection, Replies, RedisResult<Value>)> {
    let mut connection = match connection {
        Some(connection) => connection,
        None => dial.dial().await?,
    };
    connection.set_response_timeout(wait.timeout + wait.reply_timeout);
    let mut commands = redis::pipe();
    let mut are_touches = Vec::new();
    for write in group {
        if write.asking {
            commands.cmd("ASKING");
            are_touches.push(false);
        }
        commands.cmd("EVAL").arg(TOUCH).arg(1).arg(&write.record);
        are_touches.push(true);
    }
    commands.add_command(wait.command.clone());
    let mut replies = connection.send_packed_commands(&commands, 0, are_touches.len() + 1).await?;
    let waited = replies.pop().ok_or_else(|| io_error("the reply is missing")).and_then(Value::extract_error);
    let touch: fn((Value, bool)) -> _ = |(reply, is_touch)| is_touch.then(|| reply.extract_error());
    Ok((connection, replies.into_iter().zip(are_touches).filter_map(touch), waited))
}

fn io_error(message: &'static str) -> RedisError {
    std::io::Error::other(message).into()
}

#[cfg(test)]
#[path = "confirmer_tests.rs"]
mod tests;
