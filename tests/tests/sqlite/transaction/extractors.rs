//! The extractors in axum and in actix-web, through the real layers.

use std::net::SocketAddr;

use actix_web::{App, HttpResponse, HttpServer, web};
use axum::Router;
use axum::extract::Path;
use axum::routing::post as route;
use http::StatusCode;
use idempotency_actix::IdempotencyMiddleware;
use idempotency_core::Attachment;
use idempotency_tests::http::{Answer, TestSender, post};
use idempotency_tower::IdempotencyLayer;
use tokio::sync::oneshot;

use super::*;

#[derive(Clone, Copy, Debug)]
enum Adapter {
    Axum,
    Actix,
}

const BOTH: [Adapter; 2] = [Adapter::Axum, Adapter::Actix];

/// Inserts an order, and answers with the status that a path such as `/order/201` asks for. The first attempt never
/// answers if that is 102.
async fn handle(mut transaction: Transaction, context: IdempotencyContext, status: u16) -> StatusCode {
    insert(&mut transaction).await.unwrap();
    match (status, context.attempt()) {
        (102, 1) => std::future::pending().await,
        (102, _) => StatusCode::OK,
        _ => StatusCode::from_u16(status).unwrap(),
    }
}

fn axum_app(process: &Process, sender: TestSender) -> Router {
    let order = async |idempotency_tower::Idempotent(context): idempotency_tower::Idempotent,
                       transaction: Transaction,
                       Path(status): Path<u16>| handle(transaction, context, status).await;
    Router::new()
        .route("/order/{status}", route(order))
        .layer(IdempotencyLayer::on_engine(&process.engine, sender))
        .with_state(process.store.clone())
}

async fn actix_order(
    idempotency_actix::Idempotent(context): idempotency_actix::Idempotent,
    transaction: Transaction,
    status: web::Path<u16>,
) -> HttpResponse {
    let status = handle(transaction, context, *status).await;
    HttpResponse::new(actix_web::http::StatusCode::from_u16(status.as_u16()).unwrap())
}

/// A server that stops when it is dropped.
struct Server {
    addr: SocketAddr,
    stop: Option<Box<dyn FnOnce() + Send>>,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop.take().unwrap()();
    }
}

impl Server {
    async fn start(adapter: Adapter, process: &Process, policy: Policy) -> Self {
        let (sender, listener) =
            (TestSender::new(policy), std::net::TcpListener::bind("127.0.0.1:0").unwrap());
        let addr = listener.local_addr().unwrap();
        let stop: Box<dyn FnOnce() + Send> = match adapter {
            Adapter::Axum => {
                listener.set_nonblocking(true).unwrap();
                let listener = tokio::net::TcpListener::from_std(listener).unwrap();
                let app = axum_app(process, sender);
                let task = tokio::spawn(async move { axum::serve(listener, app).await });
                Box::new(move || task.abort())
            }
            Adapter::Actix => {
                let (send, handle) = oneshot::channel();
                let (store, engine) = (process.store.clone(), process.engine.clone());
                std::thread::spawn(move || {
                    let server = HttpServer::new(move || {
                        let middleware = IdempotencyMiddleware::on_engine(&engine, sender.clone());
                        App::new()
                            .app_data(web::Data::new(store.clone()))
                            .service(web::resource("/order/{status}").wrap(middleware).to(actix_order))
                    });
                    let server = server.workers(1).disable_signals().listen(listener).unwrap();
                    actix_web::rt::System::new().block_on(async move {
                        let server = server.run();
                        drop(send.send(server.handle()));
                        server.await
                    })
                });
                let handle = handle.await.unwrap();
                Box::new(move || drop(handle.stop(false)))
            }
        };
        Self { addr, stop: Some(stop) }
    }

    async fn post(&self, path: &str) -> Answer {
        post(path).key("evt").send_to(self.addr).await.unwrap()
    }
}

#[tokio::test]
async fn a_2xx_or_3xx_commits_and_is_replayed() {
    let api = Policy::api().with_store_timeout(PATIENCE);
    for adapter in BOTH {
        for (status, policy) in [(201, policy()), (303, api.clone())] {
            let process = Process::alone().await;
            let server = Server::start(adapter, &process, policy).await;
            let path = format!("/order/{status}");
            server.post(&path).await.is(status, "executed");
            assert_eq!((process.database.orders().await, process.database.state().await), (1, 3));
            server.post(&path).await.is(status, "replayed");
            assert_eq!(process.database.orders().await, 1);
        }
    }
}

#[tokio::test]
async fn a_recorded_4xx_rolls_the_writes_back_and_is_replayed() {
    for adapter in BOTH {
        let process = Process::alone().await;
        let server = Server::start(adapter, &process, Policy::api().with_store_timeout(PATIENCE)).await;
        server.post("/order/422").await.is(422, "executed");
        assert_eq!((process.database.orders().await, process.database.state().await), (0, 3));
        server.post("/order/422").await.is(422, "replayed");
    }
}

#[tokio::test]
async fn an_answer_that_is_not_recorded_rolls_back_and_a_retry_runs() {
    for adapter in BOTH {
        for status in [500, 422] {
            let process = Process::alone().await;
            let server = Server::start(adapter, &process, policy()).await;
            let path = format!("/order/{status}");
            server.post(&path).await.is(status, "executed");
            assert_eq!((process.database.orders().await, process.database.state().await), (0, 2));
            server.post(&path).await.is(status, "executed");
        }
    }
}

#[tokio::test]
async fn a_handler_over_its_limit_is_a_503_and_a_retry_runs() {
    for adapter in BOTH {
        for attachment in [Attachment::Detached, Attachment::LeaveWithCaller] {
            let database = Database::new().await;
            let limit = Duration::from_millis(200);
            let process = Process::on(database.store().with_transaction_limit(limit), &database);
            let server = Server::start(adapter, &process, policy().with_attachment(attachment)).await;
            let answer = server.post("/order/102").await;
            assert_eq!(answer.status, 503, "{adapter:?} {attachment:?} {answer:?}");
            answer.is_problem("unavailable").is_retryable(true).retries_later();
            assert_eq!((database.orders().await, database.state().await), (0, 2));
            assert_eq!(process.seen.count("over_limit"), 1);
            server.post("/order/102").await.is(200, "executed");
            assert_eq!((database.orders().await, database.state().await), (1, 3));
        }
    }
}

/// The write lock of its file is not free. The records are in another file, so that the claim is granted.
#[tokio::test]
async fn a_transaction_that_does_not_begin_is_a_503() {
    for adapter in BOTH {
        let (records, orders) = (Database::new().await, Database::new().await);
        let mut process = Process::at(&records);
        process.store = orders.store().with_timeout(Duration::from_millis(100));
        let server = Server::start(adapter, &process, policy()).await;
        let mut writer = orders.connection().await;
        sqlx::raw_sql("BEGIN IMMEDIATE").execute(&mut writer).await.unwrap();
        let answer = server.post("/order/200").await;
        assert_eq!(answer.status, 503, "{adapter:?} {answer:?}");
        answer.is_problem("unavailable").is_retryable(true).retries_later();
        assert_eq!(records.state().await, 2);
    }
}
