//! The confirmer: waits until enough servers have what was written, for many writes at once.
//!
//! `WAIT` covers what its own connection wrote, and blocks it. So a write goes out on the shared connection, which never
//! waits; on one of a few others its record is touched, and the wait follows. Replication has one order: a replica that
//! has the touch has the write before it. One wait covers all touches before it, so writes wait in groups.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{Cmd, RedisError, RedisResult, Value};
use tokio::sync::oneshot;

use super::fault::{self, Verdict};
use super::link::Dial;

/// How many groups wait at once, each on a connection of its own. A write waits for one of them to come back, or for this
/// part of the time that a wait may take, before it goes out with the next one.
const GROUPS: u32 = 4;

/// Writes the record's own TTL once more, which changes nothing, and says what it is. Nothing is written where the record
/// is gone.
const TOUCH: &str = "local ttl = redis.call('PTTL', KEYS[1]) \
     if ttl > 0 then redis.call('PEXPIRE', KEYS[1], ttl) end \
     return ttl";

/// How a wait is asked for.
pub(super) struct Wait {
    pub(super) command: Cmd,
    /// How long the servers may take to confirm.
    pub(super) timeout: Duration,
    /// How much longer the reply may take.
    pub(super) slack: Duration,
}

/// Has one runtime's writes to one server confirmed.
#[derive(Default)]
pub(super) struct Confirmer(Mutex<State>);

#[derive(Default)]
struct State {
    /// The next group.
    queue: Vec<Write>,
    /// How many groups have ever gone out, and how many are out now.
    departures: u64,
    out: u32,
    idle: Vec<MultiplexedConnection>,
}

/// A write that is to be confirmed.
struct Write {
    record: String,
    asking: bool,
    answer: oneshot::Sender<RedisResult<Value>>,
}

impl Confirmer {
    /// Has the last write of this record confirmed, announced with `ASKING` where its slot is moving: gives the reply to
    /// the wait.
    ///
    /// # Cancel safety
    /// The write is not waited for any more.
    pub(super) async fn confirm(
        self: &Arc<Self>,
        dial: &Arc<dyn Dial>,
        wait: Arc<Wait>,
        record: &str,
        asking: bool,
    ) -> RedisResult<Value> {
        let (answer, mut answered) = oneshot::channel();
        let group = {
            let mut state = self.lock();
            state.queue.push(Write { record: record.to_owned(), asking, answer });
            let group = state.departures;
            if state.out == 0 {
                self.depart(&mut state, dial, &wait);
            }
            group
        };
        let reply = match tokio::time::timeout(wait.timeout / GROUPS, &mut answered).await {
            Ok(reply) => reply,
            Err(_) => {
                self.depart_unless_gone(group, dial, &wait);
                answered.await
            }
        };
        reply.unwrap_or_else(|_| Err(broken("the wait was dropped")))
    }

    /// Closes what is idle: the server has gone bad, or is not the master any more.
    pub(super) fn give_up(&self) {
        self.lock().idle.clear();
    }

    /// Sends the next group out if it still is this one.
    fn depart_unless_gone(self: &Arc<Self>, group: u64, dial: &Arc<dyn Dial>, wait: &Arc<Wait>) {
        let mut state = self.lock();
        if state.departures == group && state.out < GROUPS {
            self.depart(&mut state, dial, wait);
        }
    }

    fn depart(self: &Arc<Self>, state: &mut State, dial: &Arc<dyn Dial>, wait: &Arc<Wait>) {
        state.departures += 1;
        state.out += 1;
        let (group, idle) = (std::mem::take(&mut state.queue), state.idle.pop());
        let lane = Lane { confirmer: Arc::clone(self), is_out: true };
        tokio::spawn(lane.run(Arc::clone(dial), Arc::clone(wait), group, idle));
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A connection's way out and back, with one group after the other.
struct Lane {
    confirmer: Arc<Confirmer>,
    is_out: bool,
}

impl Lane {
    async fn run(
        mut self,
        dial: Arc<dyn Dial>,
        wait: Arc<Wait>,
        mut group: Vec<Write>,
        mut connection: Option<MultiplexedConnection>,
    ) {
        loop {
            // A caller that gave up needs no answer.
            group.retain(|write| !write.answer.is_closed());
            if !group.is_empty() {
                connection = self.confirm(&*dial, &wait, group, connection).await;
            }
            let mut state = self.confirmer.lock();
            if state.queue.is_empty() {
                state.idle.extend(connection);
                state.out -= 1;
                self.is_out = false;
                return;
            }
            state.departures += 1;
            group = std::mem::take(&mut state.queue);
        }
    }

    /// Answers each write of the group, and gives the connection back where it is in step.
    async fn confirm(
        &self,
        dial: &dyn Dial,
        wait: &Wait,
        group: Vec<Write>,
        connection: Option<MultiplexedConnection>,
    ) -> Option<MultiplexedConnection> {
        match exchange(dial, wait, &group, connection).await {
            Ok((connection, mut touched, waited)) => {
                for write in group {
                    let reply = touched.next().unwrap_or_else(|| Err(broken("a reply is missing")));
                    let reply = match reply {
                        Ok(Value::Int(1..)) => waited.clone(),
                        Ok(_) => Err(broken("the record is gone")),
                        Err(cause) => Err(cause),
                    };
                    let _ = write.answer.send(reply);
                }
                self.is_kept(waited.err().as_ref()).then_some(connection)
            }
            Err(cause) => {
                self.is_kept(Some(&cause));
                for write in group {
                    let _ = write.answer.send(Err(cause.clone()));
                }
                None
            }
        }
    }

    /// Whether a connection is kept after this error. Where the server is gone, or is not the master any more, none is.
    fn is_kept(&self, cause: Option<&RedisError>) -> bool {
        let verdict = cause.map_or(Verdict::Alive, fault::verdict);
        if verdict == Verdict::Lost {
            self.confirmer.give_up();
        }
        verdict == Verdict::Alive
    }
}

impl Drop for Lane {
    fn drop(&mut self) {
        if self.is_out {
            self.confirmer.lock().out -= 1;
        }
    }
}

type Replies = std::iter::FilterMap<
    std::iter::Zip<std::vec::IntoIter<Value>, std::vec::IntoIter<bool>>,
    fn((Value, bool)) -> Option<RedisResult<Value>>,
>;

/// Touches each record, and waits. Gives the connection back with the reply to each touch, and to the wait.
async fn exchange(
    dial: &dyn Dial,
    wait: &Wait,
    group: &[Write],
    connection: Option<MultiplexedConnection>,
) -> RedisResult<(MultiplexedConnection, Replies, RedisResult<Value>)> {
    let mut connection = match connection {
        Some(connection) => connection,
        None => dial.dial().await?,
    };
    connection.set_response_timeout(wait.timeout + wait.slack);
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
    let waited = replies.pop().ok_or_else(|| broken("the reply is missing")).and_then(Value::extract_error);
    let touch: fn((Value, bool)) -> _ = |(reply, is_touch)| is_touch.then(|| reply.extract_error());
    Ok((connection, replies.into_iter().zip(are_touches).filter_map(touch), waited))
}

fn broken(what: &'static str) -> RedisError {
    std::io::Error::other(what).into()
}
