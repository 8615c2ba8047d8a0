//! A TCP proxy that does what networks do: lose replies, cut, delay, and swallow everything.

#![expect(clippy::missing_panics_doc, clippy::must_use_candidate, reason = "a test that cannot go on panics")]

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// A proxy before one server. Dropping it ends it and every connection through it.
#[derive(Debug)]
pub struct FaultProxy {
    port: u16,
    plan: watch::Sender<Plan>,
    rules: Arc<Mutex<Vec<Rule>>>,
    requests: Arc<Mutex<BTreeMap<String, u64>>>,
}

/// What befalls connections, numbered from 1 in the order of their making.
#[derive(Clone, Copy, Default, Debug)]
struct Plan {
    connections: u64,
    cut_up_to: u64,
    swallowed_up_to: u64,
    half_open_up_to: u64,
    delay: Duration,
}

/// What befalls a request that contains certain bytes.
#[derive(Clone, Debug)]
struct Rule {
    part: Vec<u8>,
    action: Action,
}

/// What every connection works with.
#[derive(Clone)]
struct Work {
    server: u16,
    rules: Arc<Mutex<Vec<Rule>>>,
    requests: Arc<Mutex<BTreeMap<String, u64>>>,
}

#[derive(Clone, Debug)]
enum Action {
    /// Once: the server gets it, its reply is lost with the connection.
    LoseReply,
    /// Always: the server gets this in its place.
    Replace(Vec<u8>),
}

impl FaultProxy {
    /// Starts a proxy before the server on this loopback port.
    pub async fn start(server: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("there is a free port");
        let port = listener.local_addr().expect("a listener has an address").port();
        let (plan, watched) = watch::channel(Plan::default());
        let (rules, requests) = (Arc::default(), Arc::default());
        let work = Work { server, rules: Arc::clone(&rules), requests: Arc::clone(&requests) };
        tokio::spawn(accept(listener, work, plan.clone(), watched));
        Self { port, plan, rules, requests }
    }

    /// Its address for a store.
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}/", self.port)
    }

    /// How many connections there have been.
    pub fn connections(&self) -> u64 {
        self.plan.borrow().connections
    }

    /// How many requests have passed since this was last asked, by the lower-case name of their command. What a script
    /// calls does not pass here.
    pub fn take_requests(&self) -> BTreeMap<String, u64> {
        std::mem::take(&mut *lock(&self.requests))
    }

    /// Lets the next request that contains `part` reach the server, and loses its reply with the connection.
    pub fn lose_reply_to(&self, part: &str) {
        self.add(part, Action::LoseReply);
    }

    /// Sends the server another command in place of every request that contains `part`.
    pub fn replace(&self, part: &str, command: &[&str]) {
        let mut packed = redis::cmd(command[0]);
        packed.arg(&command[1..]);
        self.add(part, Action::Replace(packed.get_packed_command()));
    }

    /// Cuts all connections. New ones are served.
    pub fn cut(&self) {
        self.plan.send_modify(|plan| plan.cut_up_to = plan.connections);
    }

    /// Swallows everything on all connections, without a word, as a black hole. New ones are served.
    pub fn swallow(&self) {
        self.plan.send_modify(|plan| plan.swallowed_up_to = plan.connections);
    }

    /// Leaves all connections half open: the server gets what clients send, and nothing comes back. New ones are served.
    pub fn half_open(&self) {
        self.plan.send_modify(|plan| plan.half_open_up_to = plan.connections);
    }

    /// Swallows everything, on new connections too, until [`swallow`](Self::swallow) says where it ends.
    pub fn swallow_from_now_on(&self) {
        self.plan.send_modify(|plan| plan.swallowed_up_to = u64::MAX);
    }

    /// Holds every reply back for so long.
    pub fn delay(&self, by: Duration) {
        self.plan.send_modify(|plan| plan.delay = by);
    }

    fn add(&self, part: &str, action: Action) {
        let rule = Rule { part: part.as_bytes().to_vec(), action };
        lock(&self.rules).push(rule);
    }
}

impl Drop for FaultProxy {
    fn drop(&mut self) {
        self.plan.send_modify(|plan| plan.cut_up_to = u64::MAX);
    }
}

async fn accept(
    listener: TcpListener,
    work: Work,
    plan: watch::Sender<Plan>,
    mut watched: watch::Receiver<Plan>,
) {
    loop {
        let ended = watched.wait_for(|plan| plan.cut_up_to == u64::MAX);
        let client = tokio::select! {
            _ = ended => return,
            accepted = listener.accept() => accepted.expect("the listener accepts").0,
        };
        let mut number = 0;
        plan.send_modify(|plan| {
            plan.connections += 1;
            number = plan.connections;
        });
        let work = work.clone();
        let mut plan = plan.subscribe();
        tokio::spawn(async move {
            // A server that is down closes the connection of whoever asks.
            if let Ok(server) = TcpStream::connect(("127.0.0.1", work.server)).await {
                let mut cut = plan.clone();
                tokio::select! {
                    _ = cut.wait_for(|plan| plan.cut_up_to >= number) => {}
                    () = pass(client, server, number, &mut plan, &work) => {}
                }
            }
        });
    }
}

/// Passes requests one by one, and replies as they come, until somebody ends it.
async fn pass(
    mut client: TcpStream,
    mut server: TcpStream,
    number: u64,
    plan: &mut watch::Receiver<Plan>,
    work: &Work,
) {
    let (mut requests, mut replies) = (Vec::new(), vec![0; 65_536]);
    let mut losing = false;
    loop {
        tokio::select! {
            read = client.read_buf(&mut requests) => {
                let Ok(1..) = read else { return };
                swallowed(plan, number).await;
                while let Some(length) = first_request(&requests) {
                    let mut request: Vec<u8> = requests.drain(..length).collect();
                    *lock(&work.requests).entry(name_of(&request)).or_default() += 1;
                    match action(&work.rules, &request) {
                        Some(Action::Replace(other)) => request = other,
                        Some(Action::LoseReply) => losing = true,
                        None => {}
                    }
                    if server.write_all(&request).await.is_err() { return }
                }
            }
            read = server.read(&mut replies) => {
                let Ok(length @ 1..) = read else { return };
                swallowed(plan, number).await;
                let Plan { delay, half_open_up_to, .. } = *plan.borrow();
                if half_open_up_to >= number { continue }
                if !delay.is_zero() { tokio::time::sleep(delay).await }
                if losing || client.write_all(&replies[..length]).await.is_err() { return }
            }
        }
    }
}

/// How long the first request is, `*count` and as many `$length` strings, once it is there as a whole.
fn first_request(bytes: &[u8]) -> Option<usize> {
    let number = |at: usize| -> Option<(usize, usize)> {
        let end = at + bytes.get(at..)?.windows(2).position(|pair| pair == b"\r\n")?;
        Some((std::str::from_utf8(bytes.get(at + 1..end)?).ok()?.parse().ok()?, end + 2))
    };
    let (count, mut at) = number(0)?;
    for _ in 0..count {
        let (length, start) = number(at)?;
        at = start + length + 2;
    }
    (at <= bytes.len()).then_some(at)
}

/// The lower-case name of a request's command.
fn name_of(request: &[u8]) -> String {
    let name = request.split(|byte| *byte == b'\n').nth(2).unwrap_or_default();
    String::from_utf8_lossy(name.trim_ascii()).to_lowercase()
}

/// Goes on at once, or never where the connection's bytes are swallowed.
async fn swallowed(plan: &watch::Receiver<Plan>, number: u64) {
    if plan.borrow().swallowed_up_to >= number {
        std::future::pending::<()>().await;
    }
}

fn action(rules: &Mutex<Vec<Rule>>, request: &[u8]) -> Option<Action> {
    let mut rules = lock(rules);
    let contains = |part: &[u8]| request.windows(part.len()).any(|window| window == part);
    let at = rules.iter().position(|rule| contains(&rule.part))?;
    let action = rules[at].action.clone();
    if matches!(action, Action::LoseReply) {
        rules.remove(at);
    }
    Some(action)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
