//! The sender: signs, waits a second, and sends again until it is answered with a 2xx or has tried often enough.

use std::error::Error;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::join_all;
use http::{HeaderMap, Request, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper_util::rt::TokioIo;
use idempotency_core::{clock, testing};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep, timeout};

use crate::event::Event;
use crate::story::{Chapter, Copy, Story};
use crate::workers::Workers;
use crate::{SECRET, TIMEOUT};

/// One delivery, as the sender's own log has it.
#[derive(Clone, Debug)]
pub(crate) struct Delivery {
    pub(crate) event: String,
    /// When it was answered with a 2xx, if it was.
    pub(crate) acknowledged: Option<Instant>,
}

pub(crate) struct Sender {
    workers: Arc<Workers>,
    log: Mutex<Vec<Delivery>>,
}

impl Sender {
    pub(crate) fn new(workers: Arc<Workers>) -> Self {
        Self { workers, log: Mutex::default() }
    }

    pub(crate) fn log(&self) -> MutexGuard<'_, Vec<Delivery>> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Delivers the events of a story, each once the one before it is done with.
    pub(crate) async fn tell(&self, story: &Story) {
        for Chapter { event, copies } in &story.chapters {
            join_all(copies.iter().map(|copy| self.deliver(event, copy))).await;
        }
    }

    /// Delivers one copy, and again until it is acknowledged.
    async fn deliver(&self, event: &Event, copy: &Copy) {
        sleep(copy.starts).await;
        if self.attempt(event, copy.hangs_up.unwrap_or(TIMEOUT)).await {
            return;
        }
        for pause in &copy.retries {
            sleep(*pause).await;
            if self.attempt(event, TIMEOUT).await {
                return;
            }
        }
    }

    /// One delivery on a connection of its own, which is closed when the patience ends. Answers whether it got a 2xx.
    async fn attempt(&self, event: &Event, patience: Duration) -> bool {
        let address = self.workers.next().await;
        let answer = timeout(patience, post(address, event)).await;
        let acknowledged = matches!(answer, Ok(Ok(status)) if status.is_success()).then(Instant::now);
        self.log().push(Delivery { event: event.id.clone(), acknowledged });
        acknowledged.is_some()
    }
}

async fn post(address: SocketAddr, event: &Event) -> Result<StatusCode, Box<dyn Error + Send + Sync>> {
    let body = serde_json::to_vec(event)?;
    let signed = testing::standard_webhooks(SECRET, &event.id, &body, clock::system_unix_time());
    let stream = TcpStream::connect(address).await?;
    let (mut requests, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    let exchange = async move {
        let response = requests.send_request(request(signed, body)).await?;
        let status = response.status();
        response.into_body().collect().await?;
        Ok(status)
    };
    // Both are dropped together when the patience ends, and the connection is closed with them.
    let (status, _) = tokio::join!(exchange, connection);
    status
}

fn request(signed: HeaderMap, body: Vec<u8>) -> Request<Full<Bytes>> {
    let mut request = Request::new(Full::new(Bytes::from(body)));
    *request.method_mut() = http::Method::POST;
    *request.uri_mut() = http::Uri::from_static("/webhook");
    *request.headers_mut() = signed;
    request.headers_mut().insert(http::header::HOST, http::HeaderValue::from_static("localhost"));
    request
}
