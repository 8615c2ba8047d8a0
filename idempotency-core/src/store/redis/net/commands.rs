//! The commands on one connection: those of one turn of the event loop share a few writes.
//!
//! The connection writes as soon as its task runs. On tokio's multi-threaded runtime that is right after the first command
//! of a turn, so each command would be a separate write, and wake the server separately. So a command that is not alone
//! joins a queue. The queue is sent as one pipeline as soon as it holds [`MAX_PIPELINE`] commands, or once all tasks that are
//! ready have run. Waiting for the end of a longer turn would leave the server idle while the tasks run, and the tasks idle
//! while the server works.
//!
//! Each command is sent at most once. A queued command whose caller is gone is not sent.

use std::future::poll_fn;
use std::mem;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;

use redis::aio::MultiplexedConnection;
use redis::{Cmd, Pipeline, RedisError, RedisResult, Value};
use tokio::sync::oneshot;

/// A command is sent at once while at most this many others are under way: there is little to gain, and a pipeline would
/// only add to its latency.
const FEW: usize = 2;

/// The most commands in one pipeline. Its replies are passed on together, and have one timeout.
const MAX_PIPELINE: usize = 16;

/// Sends commands on one connection. Clones share it.
#[derive(Clone)]
pub(crate) struct Commands {
    connection: MultiplexedConnection,
    queue: Arc<Queue>,
    /// Each has a caller that waits for its reply.
    under_way: Arc<AtomicUsize>,
}

/// Commands that wait to be sent together.
#[derive(Default)]
struct Queue(Mutex<Vec<Queued>>);

struct Queued {
    command: Cmd,
    reply: oneshot::Sender<RedisResult<Value>>,
}

impl Commands {
    pub(crate) fn new(connection: MultiplexedConnection) -> Self {
        Self { connection, queue: Arc::default(), under_way: Arc::default() }
    }

    /// Sends a command, once, and returns its reply.
    pub(crate) async fn send(&mut self, command: &Cmd) -> RedisResult<Value> {
        let _under_way = UnderWay(&self.under_way);
        if self.under_way.fetch_add(1, Ordering::Relaxed) <= FEW {
            return self.connection.send_packed_command(command).await.and_then(Value::extract_error);
        }
        let (reply, replied) = oneshot::channel();
        self.enqueue(Queued { command: command.clone(), reply });
        replied.await.unwrap_or_else(|_| Err(runtime_ended()))
    }

    /// Sends a pipeline of `count` commands, once, and returns their replies in order.
    pub(crate) async fn send_all(
        &mut self,
        pipeline: &Pipeline,
        count: usize,
    ) -> RedisResult<Vec<RedisResult<Value>>> {
        exchange(&mut self.connection, pipeline, count).await
    }

    /// Queues a command. The first one in the queue schedules a send for the end of this turn. The one that fills the queue
    /// sends it at once.
    fn enqueue(&self, queued: Queued) {
        let mut queue = self.queue.lock();
        queue.push(queued);
        let count = queue.len();
        let full = if count == MAX_PIPELINE { mem::take(&mut *queue) } else { Vec::new() };
        // A runtime that is shutting down drops the task at once, and the task may take the lock.
        drop(queue);
        if count == MAX_PIPELINE {
            tokio::spawn(send_pipeline(self.connection.clone(), full));
        } else if count == 1 {
            tokio::spawn(end_turn(self.connection.clone(), Turn::of(&self.queue)));
        }
    }
}

impl Queue {
    fn take(&self) -> Vec<Queued> {
        mem::take(&mut *self.lock())
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Queued>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A turn whose commands are queued. If the runtime ends before it does, its commands are dropped, so that no caller waits
/// for them for ever.
struct Turn(Option<Arc<Queue>>);

impl Turn {
    fn of(queue: &Arc<Queue>) -> Self {
        Self(Some(Arc::clone(queue)))
    }

    /// Takes the commands out. Later ones have a turn of their own.
    fn end(mut self) -> Vec<Queued> {
        self.0.take().map(|queue| queue.take()).unwrap_or_default()
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        drop(self.0.take().map(|queue| queue.take()));
    }
}

/// Counts a command down when its caller has the reply, or is gone.
struct UnderWay<'a>(&'a AtomicUsize);

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Goes to the end of the queue of tasks that are ready.
///
/// Unlike [`tokio::task::yield_now`], it does not wait for the I/O driver as well, which would be a system call per turn.
async fn let_others_run() {
    let mut has_yielded = false;
    poll_fn(|cx| {
        if mem::replace(&mut has_yielded, true) {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

/// Sends what is queued when all tasks that are ready have run.
async fn end_turn(connection: MultiplexedConnection, turn: Turn) {
    let_others_run().await;
    send_pipeline(connection, turn.end()).await;
}

async fn send_pipeline(mut connection: MultiplexedConnection, queued: Vec<Queued>) {
    let mut pipeline = Pipeline::with_capacity(queued.len());
    let mut callers = Vec::with_capacity(queued.len());
    for Queued { command, reply } in queued.into_iter().filter(|queued| !queued.reply.is_closed()) {
        pipeline.add_command(command);
        callers.push(reply);
    }
    if callers.is_empty() {
        return;
    }
    // A caller that is gone by now does not mind.
    match exchange(&mut connection, &pipeline, callers.len()).await {
        Ok(replies) => callers.into_iter().zip(replies).for_each(|(caller, reply)| drop(caller.send(reply))),
        Err(cause) => callers.into_iter().for_each(|caller| drop(caller.send(Err(cause.clone())))),
    }
}

async fn exchange(
    connection: &mut MultiplexedConnection,
    pipeline: &Pipeline,
    count: usize,
) -> RedisResult<Vec<RedisResult<Value>>> {
    let replies = connection.send_packed_commands(pipeline, 0, count).await?;
    if replies.len() != count {
        return Err(missing_reply());
    }
    Ok(replies.into_iter().map(Value::extract_error).collect())
}

/// The error for a missing reply, which must not be mistaken for a nil: a nil grants a claim.
fn missing_reply() -> RedisError {
    std::io::Error::other("a reply is missing").into()
}

/// The command may have been sent.
fn runtime_ended() -> RedisError {
    std::io::Error::new(std::io::ErrorKind::NotConnected, "the connection's task has ended").into()
}
