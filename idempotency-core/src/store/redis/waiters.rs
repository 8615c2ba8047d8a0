//! The waiters: who is subscribed to which channel, over one connection for all of them on one runtime.
//!
//! A channel is subscribed while a waiter holds a [`Ticket`] for it. One task owns the connection; it is told which
//! channels changed and brings the subscriptions in line with the tickets, so that no order of joining and leaving can
//! confuse it.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::StreamExt as _;
use redis::RedisResult;
use redis::aio::{PubSubSink, PubSubStream};
use tokio::sync::{mpsc, watch};

use super::link::DialPubSub;
use super::runtimes::PerRuntime;

/// The most channels that one command changes.
const BATCH: usize = 512;

/// What a ticket's holder can know of its channel.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Signal {
    /// The server has confirmed the subscription: from now on no wake-up is missed.
    pub(super) subscribed: bool,
    /// How many wake-ups there have been.
    pub(super) wakes: u64,
    /// The connection was lost, or could not be had. No more will come.
    pub(super) lost: bool,
}

/// Keeps a channel subscribed.
pub(super) struct Ticket {
    channel: Arc<str>,
    signal: Option<watch::Receiver<Signal>>,
    state: Arc<Mutex<State>>,
}

/// All channels with waiters, and the way to the task that owns the connection, while there is one.
#[derive(Default)]
struct State {
    topics: HashMap<Arc<str>, watch::Sender<Signal>>,
    task: Option<mpsc::UnboundedSender<Arc<str>>>,
}

/// Hands out tickets.
pub(super) struct Waiters {
    dial: Arc<dyn DialPubSub>,
    response_timeout: Duration,
    states: PerRuntime<Mutex<State>>,
}

impl Waiters {
    pub(super) fn new(dial: Arc<dyn DialPubSub>, response_timeout: Duration) -> Self {
        Self { dial, response_timeout, states: PerRuntime::default() }
    }

    /// Starts to listen on a channel.
    pub(super) fn join(&self, channel: String) -> Ticket {
        let own = self.states.own();
        let mut state = lock(&own);
        if let Some((channel, topic)) = state.topics.get_key_value(channel.as_str()) {
            let (channel, signal) = (Arc::clone(channel), Some(topic.subscribe()));
            drop(state);
            return Ticket { channel, signal, state: own };
        }
        let channel: Arc<str> = channel.into();
        let (topic, signal) = watch::channel(Signal::default());
        state.topics.insert(Arc::clone(&channel), topic);
        let mut started = None;
        let task = state.task.get_or_insert_with(|| {
            let (task, changes) = mpsc::unbounded_channel();
            started = Some(changes);
            task
        });
        // A task that has just ended marks the channel as lost, since it ends under the same lock.
        let _ = task.send(Arc::clone(&channel));
        // A runtime that shuts down drops the task here and now, and that needs the lock.
        drop(state);
        if let Some(changes) = started {
            let listener = Listener {
                state: Arc::clone(&own),
                subscribed: HashSet::new(),
                response_timeout: self.response_timeout,
            };
            tokio::spawn(listener.run(Arc::clone(&self.dial), changes));
        }
        Ticket { channel, signal: Some(signal), state: own }
    }
}

impl Drop for Waiters {
    fn drop(&mut self) {
        // Ends the tasks: no waiter can join any more.
        self.states.each(|state| lock(state).task = None);
    }
}

impl fmt::Debug for Waiters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut channels = 0;
        self.states.each(|state| channels += lock(state).topics.len());
        f.debug_struct("Waiters").field("channels", &channels).finish()
    }
}

impl Ticket {
    /// Waits until the signal is such as wanted, and gives it.
    pub(super) async fn until(&mut self, wanted: impl FnMut(&Signal) -> bool) -> Signal {
        let lost = Signal { lost: true, ..Signal::default() };
        match &mut self.signal {
            Some(signal) => signal.wait_for(wanted).await.map_or(lost, |signal| *signal),
            None => lost,
        }
    }

    /// The signal as it is.
    pub(super) fn now(&self) -> Signal {
        self.signal.as_ref().map(|signal| *signal.borrow()).unwrap_or_default()
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        let mut state = lock(&self.state);
        self.signal = None;
        if state.topics.get(&self.channel).is_some_and(|topic| topic.receiver_count() == 0) {
            state.topics.remove(&self.channel);
            if let Some(task) = &state.task {
                let _ = task.send(Arc::clone(&self.channel));
            }
        }
    }
}

/// The task that owns the connection.
struct Listener {
    state: Arc<Mutex<State>>,
    subscribed: HashSet<Arc<str>>,
    response_timeout: Duration,
}

impl Listener {
    async fn run(mut self, dial: Arc<dyn DialPubSub>, changes: mpsc::UnboundedReceiver<Arc<str>>) {
        match dial.dial_pubsub().await {
            Ok(connection) => {
                let (sink, stream) = connection.split();
                let ended = self.listen(sink, stream, changes).await;
                tracing::debug!(?ended, "the subscriptions at Redis have ended");
            }
            Err(error) => tracing::debug!(%error, "Redis gives no connection for subscriptions"),
        }
    }

    async fn listen(
        &mut self,
        mut sink: PubSubSink,
        mut stream: PubSubStream,
        mut changes: mpsc::UnboundedReceiver<Arc<str>>,
    ) -> RedisResult<()> {
        let mut changed = Vec::new();
        loop {
            tokio::select! {
                count = changes.recv_many(&mut changed, BATCH) => {
                    if count == 0 {
                        return Ok(());
                    }
                    let patience = self.response_timeout;
                    tokio::time::timeout(patience, self.bring_in_line(&mut sink, &mut changed))
                        .await
                        .map_err(|_| std::io::Error::from(std::io::ErrorKind::TimedOut))??;
                }
                message = stream.next() => match message {
                    Some(message) => self.wake(message.get_channel_name()),
                    None => return Ok(()),
                },
            }
        }
    }

    /// Subscribes and unsubscribes until the server has what the tickets want of these channels.
    async fn bring_in_line(&mut self, sink: &mut PubSubSink, changed: &mut Vec<Arc<str>>) -> RedisResult<()> {
        changed.sort_unstable();
        changed.dedup();
        let (wanted, unwanted): (Vec<_>, Vec<_>) = {
            let state = lock(&self.state);
            changed.drain(..).partition(|channel| state.topics.contains_key(channel))
        };
        let gone: Vec<_> = unwanted.iter().filter(|channel| self.subscribed.contains(*channel)).collect();
        if !gone.is_empty() {
            sink.unsubscribe(gone.iter().map(|channel| &***channel).collect::<Vec<_>>()).await?;
            self.subscribed.retain(|channel| !unwanted.contains(channel));
        }
        let new: Vec<_> = wanted.iter().filter(|channel| !self.subscribed.contains(*channel)).collect();
        if !new.is_empty() {
            sink.subscribe(new.iter().map(|channel| &***channel).collect::<Vec<_>>()).await?;
            self.subscribed.extend(wanted.iter().cloned());
        }
        let state = lock(&self.state);
        for topic in wanted.iter().filter_map(|channel| state.topics.get(channel)) {
            topic.send_modify(|signal| signal.subscribed = true);
        }
        Ok(())
    }

    fn wake(&self, channel: &str) {
        if let Some(topic) = lock(&self.state).topics.get(channel) {
            topic.send_modify(|signal| signal.wakes += 1);
        }
    }
}

impl Drop for Listener {
    /// However it ends, also with the runtime that it ran on: its waiters are told, and the next one starts another task.
    fn drop(&mut self) {
        let mut state = lock(&self.state);
        state.task = None;
        for (_, topic) in state.topics.drain() {
            topic.send_modify(|signal| signal.lost = true);
        }
    }
}

fn lock(state: &Mutex<State>) -> std::sync::MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}
