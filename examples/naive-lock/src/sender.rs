//! The sender: signs a delivery and retries it until it gets a 2xx or has tried often enough.

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

/// One delivery in the sender's own log.
#[derive(Clone, Debug)]
pub(crate) struct Delivery {
    pub(crate) event: String,
    /// When the delivery got a 2xx, if it did.
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

    /// Delivers the events of a story one after the other.
    pub(crate) async fn deliver_story(&self, story: &Story) {
        for Chapter { event, copies } in &story.chapters {
            join_all(copies.iter().map(|copy| self.deliver(event, copy))).await;
        }
    }

    /// Delivers one copy, and repeats it until it is acknowledged.
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

    /// Makes one delivery on its own connection, which is closed after `limit`. Returns whether it got a 2xx.
    async fn attempt(&self, event: &Event, limit: Duration) -> bool {
        let address = self.workers.next().await;
        let answer = timeout(limit, post(address, event)).await;
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
    // The timeout drops both futures together, which closes the connection.
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
