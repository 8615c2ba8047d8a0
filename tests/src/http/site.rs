//! A site: one adapter on one store, in one scenario.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use idempotency_actix::IdempotencyMiddleware;
use idempotency_core::{Idempotency, Key, Provider, RecordView, Scope, ScopedKey, StateView, Store};
use idempotency_tower::IdempotencyLayer;
use tokio::sync::watch;

use super::client::{Answer, Request};
use super::departures::Departures;
use super::handler::{Handler, handler};
use super::observed::Observed;
use super::store::{Operation, Watched};
use super::time::FlyingTime;
use super::{actix, axum};

/// A test that takes longer is stuck, on however slow a machine.
const STUCK: Duration = Duration::from_secs(300);

/// Which adapter serves.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Adapter {
    /// `idempotency-tower`, in axum on hyper.
    Axum,
    /// `idempotency-actix`, in actix-web.
    Actix,
}

/// One adapter on one store.
#[derive(Debug)]
pub struct Site {
    /// Which adapter serves.
    pub adapter: Adapter,
    /// The store under observation.
    pub store: Watched,
    /// The engines' time.
    pub time: FlyingTime,
    transcript: Arc<Mutex<Vec<Answer>>>,
}

/// A running server.
#[derive(Debug)]
pub struct Served {
    /// Where it listens.
    pub addr: SocketAddr,
    /// Its engine.
    pub engine: Idempotency,
    /// How the futures of its responses ended.
    pub departures: Departures,
    /// What its engine and its endpoint told.
    pub observed: Observed,
    store: Watched,
    time: FlyingTime,
    executions: Arc<watch::Sender<usize>>,
    transcript: Arc<Mutex<Vec<Answer>>>,
    _server: Server,
}

#[derive(Debug)]
#[expect(dead_code, reason = "a server is kept to be dropped")]
enum Server {
    Axum(axum::Server),
    Actix(actix::Server),
}

/// Plays a scenario on both adapters, each on a new store, and compares all answers byte for byte.
///
/// What comes with a store is kept as long as the store is needed, such as its server.
pub async fn both_adapters<K>(store: impl AsyncFn() -> (Arc<dyn Store>, K), scenario: impl AsyncFn(&Site)) {
    let mut transcripts = Vec::new();
    for adapter in [Adapter::Axum, Adapter::Actix] {
        let (store, _kept) = store().await;
        let site = Site::new(adapter, store);
        tokio::time::timeout(STUCK, scenario(&site)).await.expect("the scenario does not get stuck");
        let transcript = std::mem::take(&mut *site.transcript.lock().unwrap_or_else(PoisonError::into_inner));
        transcripts.push(transcript.into_iter().map(Answer::comparable).collect::<Vec<_>>());
    }
    assert_eq!(transcripts[0], transcripts[1], "axum (left) and actix-web (right) answer alike");
}

impl Site {
    /// An adapter on a store.
    pub fn new(adapter: Adapter, store: Arc<dyn Store>) -> Self {
        Self { adapter, store: Watched::new(store), time: FlyingTime::new(), transcript: Arc::default() }
    }

    /// Serves a handler at `/hook`, `/a/hook` and `/b/hook`. Each of its runs is counted before it starts.
    pub async fn serve(&self, sender: impl Provider, handle: Handler) -> Served {
        let executions = Arc::new(watch::Sender::new(0));
        let counted = executions.clone();
        let handle = handler(move |call| {
            counted.send_modify(|count| *count += 1);
            handle(call)
        });
        let departures = Departures::new();
        let observed = Observed::default();
        let engine =
            Idempotency::on_runtime(self.store.clone(), self.time.clone()).with_observer(observed.clone());
        let (addr, engine, server) = match self.adapter {
            Adapter::Axum => {
                let layer = IdempotencyLayer::on_engine(&engine, sender);
                let (addr, server) = axum::serve(axum::app(&layer, &handle, &departures)).await;
                (addr, layer.engine().clone(), Server::Axum(server))
            }
            Adapter::Actix => {
                let middleware = IdempotencyMiddleware::on_engine(&engine, sender);
                let engine = middleware.engine().clone();
                let (addr, server) = actix::serve(middleware, handle, departures.clone()).await;
                (addr, engine, Server::Actix(server))
            }
        };
        Served {
            addr,
            engine,
            departures,
            observed,
            store: self.store.clone(),
            time: self.time.clone(),
            executions,
            transcript: self.transcript.clone(),
            _server: server,
        }
    }
}

impl Served {
    /// Sends a request and notes the answer, which the other adapter must give as well.
    pub async fn send(&self, request: Request) -> Answer {
        let answer = self.send_unnoted(request).await;
        self.note(answer.clone());
        answer
    }

    /// Sends a request and notes the answer. Once this is asked of the store for it, time flies until there is one.
    pub async fn send_and_let_time_fly(&self, request: Request, asked: Operation) -> Answer {
        let times = self.store.count(asked) + 1;
        let answering = self.send(request);
        tokio::pin!(answering);
        tokio::select! {
            answer = &mut answering => answer,
            () = self.store.asked(asked, times) => self.time.fly(answering).await,
        }
    }

    /// Sends a request whose place among the answers is not known.
    pub async fn send_unnoted(&self, request: Request) -> Answer {
        request.send_to(self.addr).await.expect("the server answers")
    }

    /// Notes an answer, which the other adapter must give as well.
    pub fn note(&self, answer: Answer) {
        self.transcript.lock().unwrap_or_else(PoisonError::into_inner).push(answer);
    }

    /// How often the handler was started.
    pub fn executions(&self) -> usize {
        *self.executions.borrow()
    }

    /// Returns when the handler has been started this often.
    pub async fn executed(&self, times: usize) {
        let mut executions = self.executions.subscribe();
        executions.wait_for(|&count| count >= times).await.expect("the server outlives the wait");
    }

    /// The key of a delivery to a path.
    pub fn key(&self, path: &str, key: &str) -> ScopedKey {
        let key = Key::new(key).expect("a test's key is one");
        ScopedKey::new(self.store.namespace(), Scope::endpoint(format!("test {path}")), key)
    }

    /// The record of a key at `/hook`, once it is completed.
    pub async fn completed(&self, key: &str) -> RecordView {
        let key = self.key("/hook", key).digest();
        loop {
            // It listens before it looks, so that no change falls between the two.
            let mut settled = std::pin::pin!(self.store.wait_for_change(key, Duration::from_secs(10)));
            let told = futures_util::poll!(settled.as_mut()).is_ready();
            let record = self.store.load(key).await.expect("the store answers");
            match record {
                Some(record) if matches!(record.state, StateView::Completed(_)) => return record,
                _ if told => tokio::task::yield_now().await,
                _ => settled.await.expect("the store answers"),
            }
        }
    }
}
