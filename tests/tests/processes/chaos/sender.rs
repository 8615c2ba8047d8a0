//! The sender: like Stripe, it delivers until a 2xx, sometimes twice and not always in order.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::{StreamExt as _, stream};
use idempotency_tests::demo::Delivery;
use serde::Deserialize;
use tokio::task::JoinSet;

use super::dice::Dice;
use super::{Site, lock, micros};

/// How long the sender waits for an answer.
const TIMEOUT: Duration = Duration::from_secs(5);

/// How long all deliveries of an event may take.
pub(crate) const PATIENCE: Duration = Duration::from_secs(300);

/// The longest pause between two deliveries of an event, in milliseconds. The pauses grow like a real sender's, so that a slow
/// machine recovers: with short ones, deliveries whose sender has given up would take all of its time.
const MAX_PAUSE: u64 = 15_000;

/// The number of events that are delivered again at a time, after the load.
const AT_A_TIME: usize = 8;

/// What a failure shows: the answers of the last ten seconds, and at most this number of events.
const LAST_MICROS: u64 = 10_000_000;
const LISTED: usize = 10;

/// An event to deliver.
#[derive(Clone, Debug)]
pub(crate) struct Event {
    pub(crate) id: String,
    /// The user and the version of a snapshot. `None` for a fact.
    pub(crate) snapshot: Option<(String, u32)>,
    /// The number of attempts that are told to fail.
    pub(crate) failures: u32,
    pub(crate) delay: u64,
}

/// One delivery and its answer.
#[derive(Clone, Debug)]
pub(crate) struct Sent {
    pub(crate) id: String,
    pub(crate) at: u64,
    pub(crate) answered: u64,
    /// Status and `idempotency-status`; `None` without an answer in time.
    pub(crate) answer: Option<(u16, String)>,
    pub(crate) receipt: Option<Receipt>,
}

/// The handler's answer about an execution: its event and its attempt.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
pub(crate) struct Receipt {
    pub(crate) received: String,
    pub(crate) attempt: u32,
}

impl Sent {
    /// Whether the sender need not deliver it again.
    pub(crate) fn is_acknowledged(&self) -> bool {
        self.answer.as_ref().is_some_and(|(status, _)| (200..300).contains(status))
    }

    /// Whether it was acknowledged with this `idempotency-status`.
    pub(crate) fn is_acknowledged_as(&self, mark: &str) -> bool {
        self.is_acknowledged() && self.outcome() == mark
    }

    /// Whether it was acknowledged without an execution.
    pub(crate) fn is_answered_from_a_record(&self) -> bool {
        self.is_acknowledged_as("replayed") || self.is_acknowledged_as("stale")
    }

    /// The kind of answer.
    pub(crate) fn outcome(&self) -> &str {
        match &self.answer {
            None => "no answer",
            Some((500, _)) => "failed",
            Some((503, mark)) if mark.is_empty() => "outage",
            Some((503, mark)) if mark == "executed" => "lease lost",
            Some((_, mark)) => mark,
        }
    }
}

/// The sender's deliveries, unordered.
#[derive(Clone, Default)]
pub(crate) struct Log(Arc<Mutex<Vec<Sent>>>);

impl Log {
    /// The number of deliveries that were answered in time.
    pub(crate) fn answered(&self) -> usize {
        lock(&self.0).iter().filter(|sent| sent.answer.is_some()).count()
    }

    /// Waits for all senders.
    ///
    /// # Panics
    /// If they take too long. The message has the last answers.
    pub(crate) async fn all_acknowledged(&self, mut senders: JoinSet<()>) {
        let all = async { while senders.join_next().await.transpose().expect("a sender").is_some() {} };
        let ended = tokio::time::timeout(PATIENCE, all).await.is_ok();
        assert!(ended, "not all deliveries are acknowledged: {:#?}", self.last_answers());
    }

    /// The last answers to the events that are not acknowledged, and the answers of the last seconds by kind.
    fn last_answers(&self) -> (BTreeMap<String, usize>, Vec<Sent>) {
        let sent = lock(&self.0);
        let mut last = BTreeMap::<&str, &Sent>::new();
        for sent in sent.iter() {
            let is_open = last.get(sent.id.as_str()).is_none_or(|earlier| !earlier.is_acknowledged());
            if is_open {
                last.insert(&sent.id, sent);
            }
        }
        let end = sent.iter().map(|sent| sent.answered).max().unwrap_or(0);
        let mut kinds = BTreeMap::new();
        for sent in sent.iter().filter(|sent| sent.answered + LAST_MICROS > end) {
            *kinds.entry(sent.outcome().to_owned()).or_default() += 1;
        }
        let open = last.into_values().filter(|sent| !sent.is_acknowledged());
        (kinds, open.take(LISTED).cloned().collect())
    }

    pub(crate) fn take(&self) -> Vec<Sent> {
        std::mem::take(&mut lock(&self.0))
    }
}

impl Event {
    /// Every second event is the next snapshot of a current user, who has at most 60. Windows share no users.
    pub(crate) fn new(window: usize, number: usize, dice: &mut Dice) -> Self {
        let id = format!("evt_{window}_{number}");
        let version = u32::try_from(number / 8 % 60).expect("it is below 60");
        let user = format!("usr_{window}_{}_{}", number / 480, number / 2 % 4);
        let snapshot = number.is_multiple_of(2).then_some((user, version));
        let delay = match dice.below(10) {
            0 => 800 + dice.below(2500),
            1 | 2 => 50 + dice.below(750),
            _ => dice.below(50),
        };
        let failures = match dice.below(20) {
            0 => 2,
            1 => 1,
            _ => 0,
        };
        Self { id, snapshot, failures, delay }
    }

    fn delivery(&self) -> Delivery {
        let delivery = match &self.snapshot {
            Some((user, version)) => Delivery::user(&self.id, "user.updated", user, *version),
            None => Delivery::stripe(&self.id),
        };
        delivery.steered(&format!("delay_ms={}&fail_times={}", self.delay, self.failures))
    }

    /// The window of the event with this id.
    pub(crate) fn window_of(id: &str) -> usize {
        id.split('_').nth(1).and_then(|window| window.parse().ok()).expect("it is one of these events")
    }

    /// The number of copies to send at once: one, or sometimes two.
    pub(crate) fn copies(dice: &mut Dice) -> usize {
        if dice.percent(25) { 2 } else { 1 }
    }

    /// Delivers it until it is acknowledged.
    pub(crate) async fn send(self, sites: [Arc<Site>; 2], log: Log, mut dice: Dice) {
        tokio::time::sleep(Duration::from_millis(dice.below(600))).await;
        let mut pause = 100;
        while !self.send_once(&sites[usize::from(dice.percent(50))], &log).await.is_acknowledged() {
            tokio::time::sleep(Duration::from_millis(pause / 2 + dice.below(pause))).await;
            pause = (pause * 3 / 2).min(MAX_PAUSE);
        }
    }

    /// Delivers it and returns the answer.
    pub(crate) async fn send_once(&self, site: &Site, log: &Log) -> Sent {
        let at = micros();
        let client = lock(&site.client).clone();
        let answer = tokio::time::timeout(TIMEOUT, client.send(&self.delivery())).await;
        let answer = answer.ok().and_then(Result::ok);
        let receipt = answer.as_ref().and_then(|answer| serde_json::from_slice(&answer.body).ok());
        let answer = answer.map(|answer| (answer.status.as_u16(), answer.mark().to_owned()));
        let sent = Sent { id: self.id.clone(), at, answered: micros(), answer, receipt };
        lock(&log.0).push(sent.clone());
        sent
    }

    /// Delivers it again at each site, until it is answered from a record.
    async fn ask(self, sites: [Arc<Site>; 2], log: Log) {
        for site in &sites {
            let asking = async {
                while !self.send_once(site, &log).await.is_answered_from_a_record() {
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            };
            tokio::time::timeout(PATIENCE, asking)
                .await
                .expect("an acknowledged event has a record in the end");
        }
    }
}

/// Delivers events again at each site, until they are answered from a record. Returns the acknowledgements. During
/// faults not every answer is one.
pub(crate) async fn ask_again(events: Vec<Event>, sites: &[Arc<Site>; 2]) -> Vec<Sent> {
    let log = Log::default();
    let asked = stream::iter(events.into_iter().map(|event| event.ask(sites.clone(), log.clone())));
    asked.buffer_unordered(AT_A_TIME).collect::<()>().await;
    let mut answers = log.take();
    answers.retain(Sent::is_acknowledged);
    answers
}
