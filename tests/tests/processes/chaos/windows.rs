//! The windows of a long load. Each is judged once its deliveries are acknowledged and then dropped, so that the memory
//! of the test does not grow.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex};

use idempotency_tests::demo::{Ledger, Line};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::dice::Dice;
use super::journal::{Fault, Journal};
use super::sender::{Event, Log, PATIENCE, Sent, ask_again};
use super::tally::Tally;
use super::{LEASE, Site, judge, lock, micros};

/// The number of events of a window that are delivered again when it is judged.
const ASKED: usize = 500;

/// The number of events of a window that are delivered again after the load.
const KEPT: usize = 25;

/// The events that are sent until the window is closed.
pub(crate) struct Window {
    number: usize,
    events: Vec<Event>,
    log: Log,
    senders: JoinSet<()>,
}

impl Window {
    pub(crate) fn new(number: usize) -> Self {
        Self { number, events: Vec::new(), log: Log::default(), senders: JoinSet::new() }
    }

    /// Adds an event. Its handler answers at once, so that the response time is the servers' own.
    pub(crate) fn event(&mut self, dice: &mut Dice) -> Event {
        let event = Event { delay: 0, ..Event::new(self.number, self.events.len(), dice) };
        self.events.push(event.clone());
        event
    }

    /// Sends another event if there is room, and returns the number of copies. Each takes a place until it is acknowledged.
    pub(crate) fn send(&mut self, sites: &[Arc<Site>; 2], room: &Arc<Semaphore>, dice: &mut Dice) -> usize {
        while self.senders.try_join_next().is_some() {}
        let copies = Event::copies(dice);
        let places: Vec<_> = (0..copies).map_while(|_| Arc::clone(room).try_acquire_owned().ok()).collect();
        if places.len() < copies {
            return 0;
        }
        let event = self.event(dice);
        for place in places {
            let sent = event.clone().send(sites.clone(), self.log.clone(), dice.split());
            self.senders.spawn(async move {
                sent.await;
                drop(place);
            });
        }
        copies
    }

    pub(crate) fn log(&self) -> &Log {
        &self.log
    }
}

/// The results of the judged windows.
#[derive(Default)]
pub(crate) struct Judged {
    pub(crate) tally: Tally,
    pub(crate) violations: Vec<String>,
    /// Some events of each window that were replayed when it was judged.
    pub(crate) kept: Vec<Event>,
    /// The response times in microseconds: of all answers, and of those without a fault meanwhile.
    pub(crate) times: [Vec<u32>; 2],
}

/// The state that judging a window needs.
pub(crate) struct Court {
    pub(crate) sites: [Arc<Site>; 2],
    pub(crate) journal: Journal,
    pub(crate) lines: Mutex<Lines>,
    pub(crate) judged: Mutex<Judged>,
}

impl Court {
    /// Judges a window once all its deliveries are acknowledged, while other windows are under way.
    pub(crate) async fn judge(&self, window: Window) {
        let Window { number, events, log, senders } = window;
        let ended = tokio::time::timeout(PATIENCE, senders.join_all()).await;
        ended.expect("every delivery is acknowledged");
        // Background recordings succeed or give up within a lease.
        tokio::time::sleep(LEASE).await;
        let again = ask_again(some_of(&events, ASKED), &self.sites).await;
        let (sent, lines, faults) = (log.take(), lock(&self.lines).close(number), self.journal.all());
        let violations = judge::violations(&events, &sent, &again, &lines, &faults);
        let mut judged = lock(&self.judged);
        judged.tally.add(&events, &sent, &lines);
        judged.violations.extend(violations);
        let replayed: HashSet<_> =
            again.iter().filter(|sent| sent.is_acknowledged_as("replayed")).map(|sent| &sent.id).collect();
        let recorded: Vec<_> = events.into_iter().filter(|event| replayed.contains(&event.id)).collect();
        judged.kept.extend(some_of(&recorded, KEPT));
        judged.add_times(&sent, &faults);
    }
}

impl Judged {
    fn add_times(&mut self, sent: &[Sent], faults: &[Fault]) {
        let [all, calm] = &mut self.times;
        for sent in sent.iter().filter(|sent| sent.answer.is_some()) {
            let time = u32::try_from(sent.answered - sent.at).expect("the sender's patience is short");
            all.push(time);
            if !faults.iter().any(|fault| fault.from <= sent.answered && fault.to >= sent.at) {
                calm.push(time);
            }
        }
    }
}

/// The lines of the ledger, sorted by window as they are read.
pub(crate) struct Lines {
    ledger: Ledger,
    read: u64,
    open: HashMap<usize, Vec<Line>>,
    /// The time at which each window was closed.
    closed: HashMap<usize, u64>,
    /// Lines of closed windows, with the time at which they were closed.
    late: Vec<(Line, u64)>,
}

impl Lines {
    pub(crate) fn of(ledger: Ledger) -> Self {
        Self { ledger, read: 0, open: HashMap::new(), closed: HashMap::new(), late: Vec::new() }
    }

    /// Closes a window, after which it may have no more executions. Returns those so far.
    fn close(&mut self, window: usize) -> Vec<Line> {
        self.read_on();
        self.closed.insert(window, micros());
        self.open.remove(&window).unwrap_or_default()
    }

    /// The executions after the end of their window that no fault explains.
    pub(crate) fn late(&mut self, faults: &[Fault]) -> Vec<&Line> {
        self.read_on();
        let held_up = |line: &Line, closed: u64| {
            line.fence < closed && faults.iter().any(|fault| fault.from <= closed && fault.to >= line.fence)
        };
        self.late.iter().filter(|(line, closed)| !held_up(line, *closed)).map(|(line, _)| line).collect()
    }

    fn read_on(&mut self) {
        let (lines, read) = self.ledger.lines_from(self.read);
        self.read = read;
        for line in lines {
            let window = Event::window_of(&line.key);
            match self.closed.get(&window) {
                Some(closed) => self.late.push((line, *closed)),
                None => self.open.entry(window).or_default().push(line),
            }
        }
    }
}

/// At most `count` events, spread over all of them.
fn some_of(events: &[Event], count: usize) -> Vec<Event> {
    events.iter().step_by(events.len().div_ceil(count).max(1)).cloned().collect()
}
