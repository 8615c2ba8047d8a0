//! A site: one adapter on one store, in one scenario.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use idempotency_actix::IdempotencyMiddleware;
use idempotency_core::provider::Provider;
use idempotency_core::store::{RecordView, StateView, Store};
use idempotency_core::{Idempotency, Key, Scope, ScopedKey};
use idempotency_tower::IdempotencyLayer;
use tokio::sync::watch;

use super::client::{Answer, Request};
use super::departures::Departures;
use super::handler::{Handler, handler};
use super::observed::Observed;
use super::store::{Operation, Watched};
use super::time::FlyingTime;
use super::{actix, axum};

/// A test that takes longer is stuck. It is longer than the slowest machine needs.
const STUCK: Duration = Duration::from_secs(300);

/// The adapter under test.
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
    /// The adapter under test.
    pub adapter: Adapter,
    /// The store under observation.
    pub store: Watched,
    /// The time of the engines.
    pub time: FlyingTime,
    transcript: Arc<Mutex<Vec<Answer>>>,
}

/// A running server.
#[derive(Debug)]
pub struct Served {
    /// The address on which it listens.
    pub addr: SocketAddr,
    /// Its engine.
    pub engine: Idempotency,
    /// How its response futures ended.
    pub departures: Departures,
    /// The observations of its engine and its endpoint.
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
/// `K` is kept as long as the store, such as its server.
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

    /// Serves a handler at `/hook`, `/a/hook` and `/b/hook`. Each run is counted before it starts.
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
    /// Sends a request and notes the answer, which must be the same from the other adapter.
    pub async fn send(&self, request: Request) -> Answer {
        let answer = self.send_unnoted(request).await;
        self.note(answer.clone());
        answer
    }

    /// Sends a request and notes the answer. Once it reaches this store operation, time advances until there is an answer.
    pub async fn send_and_advance_time(&self, request: Request, asked: Operation) -> Answer {
        let times = self.store.count(asked) + 1;
        let answering = self.send(request);
        tokio::pin!(answering);
        tokio::select! {
            answer = &mut answering => answer,
            () = self.store.asked(asked, times) => self.time.advance_until(answering).await,
        }
    }

    /// Sends a request without noting the answer, whose place among the others is not fixed.
    pub async fn send_unnoted(&self, request: Request) -> Answer {
        request.send_to(self.addr).await.expect("the server answers")
    }

    /// Notes an answer, which must be the same from the other adapter.
    pub fn note(&self, answer: Answer) {
        self.transcript.lock().unwrap_or_else(PoisonError::into_inner).push(answer);
    }

    /// The number of times that the handler was started.
    pub fn executions(&self) -> usize {
        *self.executions.borrow()
    }

    /// Waits until the handler was started this many times.
    pub async fn executed(&self, times: usize) {
        let mut executions = self.executions.subscribe();
        executions.wait_for(|&count| count >= times).await.expect("the server outlives the wait");
    }

    /// The key of a delivery to a path.
    pub fn key(&self, path: &str, key: &str) -> ScopedKey {
        let key = Key::new(key).expect("a test's key is valid");
        ScopedKey::new(self.store.namespace(), Scope::endpoint(format!("test {path}")), key)
    }

    /// The record of a key at `/hook`, once it is completed.
    pub async fn completed(&self, key: &str) -> RecordView {
        let key = self.key("/hook", key).digest();
        loop {
            // It subscribes before it reads, so that no change is missed in between.
            let mut settled = std::pin::pin!(self.store.wait_for_change(key, Duration::from_secs(10)));
            let is_notified = futures_util::poll!(settled.as_mut()).is_ready();
            let record = self.store.load(key).await.expect("the store answers");
            match record {
                Some(record) if matches!(record.state, StateView::Completed(_)) => return record,
                _ if is_notified => tokio::task::yield_now().await,
                _ => settled.await.expect("the store answers"),
            }
        }
    }
}
