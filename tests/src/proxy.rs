//! A TCP proxy that fails like a network: it loses replies, cuts and delays connections, and swallows everything. It knows the
//! requests of Redis and of PostgreSQL.

#![expect(clippy::missing_panics_doc, clippy::must_use_candidate, reason = "a test that cannot go on panics")]

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};

use crate::postgres_messages::Messages;

/// A proxy in front of one server. Dropping it closes every connection through it.
#[derive(Debug)]
pub struct FaultProxy {
    port: u16,
    server: u16,
    plan: watch::Sender<Plan>,
    rules: Arc<Mutex<Vec<Rule>>>,
    requests: Arc<Mutex<BTreeMap<String, u64>>>,
    held: Arc<Semaphore>,
}

/// The faults of connections, which are numbered from 1 in the order of their opening.
#[derive(Clone, Copy, Default, Debug)]
struct Plan {
    connections: u64,
    cut_up_to: u64,
    swallowed_up_to: u64,
    half_open_up_to: u64,
    delay: Duration,
}

/// A fault of requests that contain certain bytes.
#[derive(Clone, Debug)]
struct Rule {
    part: Vec<u8>,
    action: Action,
}

/// The state that all connections share.
#[derive(Clone)]
struct Work {
    server: u16,
    protocol: Protocol,
    rules: Arc<Mutex<Vec<Rule>>>,
    requests: Arc<Mutex<BTreeMap<String, u64>>>,
    held: Arc<Semaphore>,
}

#[derive(Clone, Copy)]
enum Protocol {
    Redis,
    Postgres,
}

/// The requests of one connection.
enum Requests {
    Redis,
    Postgres(Messages),
}

#[derive(Clone, Debug)]
enum Action {
    /// Once: the server gets the request, and its reply is lost with the connection.
    LoseReply,
    /// Once: the server does not get the request until it is let go.
    Hold,
    /// Always: the server gets this request instead.
    Replace(Vec<u8>),
}

impl FaultProxy {
    /// Starts a proxy in front of the Redis server on this loopback port.
    pub async fn start(server: u16) -> Self {
        Self::start_for(server, Protocol::Redis).await
    }

    /// Starts a proxy in front of the PostgreSQL server on this loopback port. A request is a message of the protocol, and
    /// contains the SQL that it executes: `Execute` contains that of its prepared statement, and `Parse` contains none. Once
    /// a connection is encrypted, there are no requests, and the faults of connections remain.
    pub async fn start_postgres(server: u16) -> Self {
        Self::start_for(server, Protocol::Postgres).await
    }

    async fn start_for(server: u16, protocol: Protocol) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("there is a free port");
        let port = listener.local_addr().expect("a listener has an address").port();
        let (plan, watched) = watch::channel(Plan::default());
        let (rules, requests, held) = (Arc::default(), Arc::default(), Arc::new(Semaphore::new(0)));
        let work = Work {
            server,
            protocol,
            rules: Arc::clone(&rules),
            requests: Arc::clone(&requests),
            held: Arc::clone(&held),
        };
        tokio::spawn(accept(listener, work, plan.clone(), watched));
        Self { port, server, plan, rules, requests, held }
    }

    /// Its address for a store in Redis.
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}/", self.port)
    }

    /// The address of the server, or of a database on it, with the port of the proxy.
    pub fn route(&self, url: &str) -> String {
        let direct = format!("127.0.0.1:{}", self.server);
        assert!(url.contains(&direct), "the proxy is in front of {direct}");
        url.replacen(&direct, &format!("127.0.0.1:{}", self.port), 1)
    }

    /// The number of connections so far.
    pub fn connections(&self) -> u64 {
        self.plan.borrow().connections
    }

    /// The number of requests since the last call, by the lower-case name of their command, or of the message in PostgreSQL's
    /// protocol. Commands inside scripts do not pass the proxy.
    pub fn take_requests(&self) -> BTreeMap<String, u64> {
        std::mem::take(&mut *lock(&self.requests))
    }

    /// Lets the next request that contains `part` reach the server, and loses its reply with the connection.
    pub fn lose_reply_to(&self, part: &str) {
        self.add(part, Action::LoseReply);
    }

    /// Holds the next request that contains `part`, and what follows it on its connection, until
    /// [`let_go`](Self::let_go) is called. Messages before it arrive.
    pub fn hold(&self, part: &str) {
        self.add(part, Action::Hold);
    }

    /// Lets the held request go.
    pub fn let_go(&self) {
        self.held.add_permits(1);
    }

    /// Replaces every request that contains `part` with another command of Redis.
    pub fn replace(&self, part: &str, command: &[&str]) {
        let mut packed = redis::cmd(command[0]);
        packed.arg(&command[1..]);
        self.add(part, Action::Replace(packed.get_packed_command()));
    }

    /// Cuts all connections. New ones work.
    pub fn cut(&self) {
        self.plan.send_modify(|plan| plan.cut_up_to = plan.connections);
    }

    /// Silently swallows everything on all connections. New ones work.
    pub fn swallow(&self) {
        self.plan.send_modify(|plan| plan.swallowed_up_to = plan.connections);
    }

    /// Leaves all connections half open: requests reach the server, and replies are swallowed. New ones work.
    pub fn half_open(&self) {
        self.plan.send_modify(|plan| plan.half_open_up_to = plan.connections);
    }

    /// Swallows everything, on new connections too, until [`swallow`](Self::swallow) is called.
    pub fn swallow_from_now_on(&self) {
        self.plan.send_modify(|plan| plan.swallowed_up_to = u64::MAX);
    }

    /// Delays every reply by this long.
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
            // If the server is down, the client's connection is closed.
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

/// Forwards requests one by one, and replies as they come, until one side closes.
async fn pass(
    mut client: TcpStream,
    mut server: TcpStream,
    number: u64,
    plan: &mut watch::Receiver<Plan>,
    work: &Work,
) {
    let (mut requests, mut replies) = (Vec::new(), vec![0; 65_536]);
    let mut protocol = match work.protocol {
        Protocol::Redis => Requests::Redis,
        Protocol::Postgres => Requests::Postgres(Messages::default()),
    };
    let mut losing = false;
    loop {
        tokio::select! {
            read = client.read_buf(&mut requests) => {
                let Ok(1..) = read else { return };
                swallowed(plan, number).await;
                while let Some(length) = protocol.first(&requests) {
                    let mut request: Vec<u8> = requests.drain(..length).collect();
                    let (name, content) = protocol.read(&request);
                    *lock(&work.requests).entry(name).or_default() += 1;
                    match action(&work.rules, &content) {
                        Some(Action::Replace(other)) => request = other,
                        Some(Action::LoseReply) => losing = true,
                        Some(Action::Hold) => {
                            let let_go = work.held.acquire().await;
                            let_go.expect("the semaphore is never closed").forget();
                        }
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

impl Requests {
    /// The length of the first request, once it is complete.
    fn first(&mut self, bytes: &[u8]) -> Option<usize> {
        match self {
            Self::Redis => first_request(bytes),
            Self::Postgres(messages) => messages.first(bytes),
        }
    }

    /// The name and the content of a request.
    fn read(&mut self, request: &[u8]) -> (String, Vec<u8>) {
        match self {
            Self::Redis => (name_of(request), request.to_vec()),
            Self::Postgres(messages) => messages.read(request),
        }
    }
}

/// The length of the first request (`*count` and as many `$length` strings), once it is complete.
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

/// Returns at once, or never if the bytes of this connection are swallowed.
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
    if matches!(action, Action::LoseReply | Action::Hold) {
        rules.remove(at);
    }
    Some(action)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
