//! The subscriptions of waiters to channels, over one connection per runtime.
//!
//! A channel is subscribed while a waiter holds a [`Subscription`] for it. One task owns the connection. It learns
//! which channels have gained or lost subscriptions, and compares the current set with the server's, so the order of
//! these events does not matter.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::StreamExt as _;
use redis::RedisResult;
use redis::aio::{PubSubSink, PubSubStream};
use tokio::sync::{mpsc, watch};

use super::dial::DialPubSub;
use super::runtimes::PerRuntime;

/// The maximum number of channels in one command.
const MAX_BATCH: usize = 512;

/// The state of a channel, as its subscribers see it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Signal {
    /// Whether the server has confirmed the subscription. From then on no message is missed.
    pub(crate) subscribed: bool,
    /// The number of messages received.
    pub(crate) messages: u64,
    /// Whether the connection is lost or could not be made. No more messages will come.
    pub(crate) lost: bool,
}

/// Keeps a channel subscribed until dropped.
pub(crate) struct Subscription {
    channel: Arc<str>,
    signal: Option<watch::Receiver<Signal>>,
    state: Arc<Mutex<State>>,
}

/// The channels with waiters, and the sender to the task that owns the connection, while it runs.
#[derive(Default)]
struct State {
    topics: HashMap<Arc<str>, watch::Sender<Signal>>,
    task: Option<mpsc::UnboundedSender<Arc<str>>>,
}

/// The subscriptions of all runtimes.
pub(crate) struct Subscriptions {
    dial: Arc<dyn DialPubSub>,
    response_timeout: Duration,
    states: PerRuntime<Mutex<State>>,
}

impl Subscriptions {
    pub(crate) fn new(dial: Arc<dyn DialPubSub>, response_timeout: Duration) -> Self {
        Self { dial, response_timeout, states: PerRuntime::default() }
    }

    /// Subscribes to a channel.
    pub(crate) fn subscribe(&self, channel: String) -> Subscription {
        let shared = self.states.current();
        let mut state = lock(&shared);
        if let Some((channel, topic)) = state.topics.get_key_value(channel.as_str()) {
            let (channel, signal) = (Arc::clone(channel), Some(topic.subscribe()));
            drop(state);
            return Subscription { channel, signal, state: shared };
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
        // A runtime that is shutting down drops the task at once, and dropping it takes the lock.
        drop(state);
        if let Some(changes) = started {
            let listener = Listener {
                state: Arc::clone(&shared),
                subscribed: HashSet::new(),
                response_timeout: self.response_timeout,
            };
            tokio::spawn(listener.run(Arc::clone(&self.dial), changes));
        }
        Subscription { channel, signal: Some(signal), state: shared }
    }
}

impl Drop for Subscriptions {
    fn drop(&mut self) {
        // Ends the tasks, since no new subscription can come.
        self.states.for_each(|state| lock(state).task = None);
    }
}

impl fmt::Debug for Subscriptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut channels = 0;
        self.states.for_each(|state| channels += lock(state).topics.len());
        f.debug_struct("Subscriptions").field("channels", &channels).finish()
    }
}

impl Subscription {
    /// Waits until the signal satisfies the predicate, and returns it.
    pub(crate) async fn wait_for(&mut self, wanted: impl FnMut(&Signal) -> bool) -> Signal {
        let lost = Signal { lost: true, ..Signal::default() };
        match &mut self.signal {
            Some(signal) => signal.wait_for(wanted).await.map_or(lost, |signal| *signal),
            None => lost,
        }
    }

    /// The current signal.
    pub(crate) fn signal(&self) -> Signal {
        self.signal.as_ref().map(|signal| *signal.borrow()).unwrap_or_default()
    }
}

impl Drop for Subscription {
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
                tracing::debug!(?ended, "the connection for subscriptions has ended");
            }
            Err(error) => tracing::debug!(%error, "could not connect for subscriptions"),
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
                count = changes.recv_many(&mut changed, MAX_BATCH) => {
                    if count == 0 {
                        return Ok(());
                    }
                    let timeout = self.response_timeout;
                    tokio::time::timeout(timeout, self.reconcile(&mut sink, &mut changed))
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

    /// Subscribes to those of these channels that have waiters, and unsubscribes from the others.
    async fn reconcile(&mut self, sink: &mut PubSubSink, changed: &mut Vec<Arc<str>>) -> RedisResult<()> {
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
            topic.send_modify(|signal| signal.messages += 1);
        }
    }
}

impl Drop for Listener {
    /// Tells the waiters that the connection is lost, even if the task ends with its runtime. The next waiter starts
    /// another task.
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
