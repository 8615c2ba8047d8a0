//! The example `stripe-orders`, killed at each point: there is one order and one charge.

use std::future::ready;
use std::os::unix::process::ExitStatusExt as _;
use std::panic::AssertUnwindSafe;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::extract::{Request, State};
use axum::middleware::{Next, from_fn_with_state};
use clap::ValueEnum as _;
use futures_util::{FutureExt as _, StreamExt as _, stream};
use http::StatusCode;
use http_body_util::Full;
use idempotency_core::{clock, testing};
use idempotency_tests::demo::eventually;
use idempotency_tests::faults::{FaultAt, Point, Signal};
use idempotency_tests::postgres_server::{PostgresServer, psql};
use sqlx::PgPool;
use stripe_orders::{Client, Payments};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};

const PATIENCE: Duration = Duration::from_secs(90);
/// The number of concurrent cases.
const AT_A_TIME: usize = 4;
const EVENT: &str = r#"{"id":"evt_1","type":"checkout.session.completed","data":{"object":{"id":"cs_1","amount_total":4200}}}"#;

/// Where a shop dies.
#[derive(Clone, Copy, Debug)]
enum Death {
    /// At a point of the engine.
    At(Point),
    BeforeCall,
    /// The payment API has charged, and the message is still in the outbox.
    AfterCall,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_shop_killed_at_any_point_has_one_order_and_one_charge() {
    let points = Point::value_variants().iter().copied().map(Death::At);
    let ended = stream::iter(points.chain([Death::BeforeCall, Death::AfterCall])).map(async |death| {
        let end = AssertUnwindSafe(Case::start(death).await.play()).catch_unwind().await;
        end.err().map(|_| death)
    });
    let failed: Vec<_> = ended.buffer_unordered(AT_A_TIME).filter_map(ready).collect().await;
    assert!(failed.is_empty(), "{failed:?}");
}

/// A database, and a payment API that outlives the shops.
struct Case {
    death: Death,
    database: String,
    payments: Payments,
    api: String,
    calls: Arc<AtomicUsize>,
    client: Client,
}

impl Case {
    async fn start(death: Death) -> Self {
        let database = PostgresServer::shared().await.new_database().await;
        let pool = PgPool::connect(&database).await.unwrap();
        stripe_orders::create_orders(&pool).await.unwrap();
        pool.close().await;
        let (payments, calls) = (Payments::default(), Arc::<AtomicUsize>::default());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let api = format!("http://{}", listener.local_addr().unwrap());
        let counted = payments.router().layer(from_fn_with_state(Arc::clone(&calls), count));
        tokio::spawn(async move { axum::serve(listener, counted).await });
        Self { death, database, payments, api, calls, client: stripe_orders::client() }
    }

    async fn play(&self) {
        let mut struck = Shop::start(self, Some(self.death)).await;
        let calm = match self.death {
            Death::At(Point::BeforeWait | Point::AfterWait) => {
                let calm = Shop::start(self, None).await;
                self.sending(&calm, &[("x-delay-ms", "3000")]);
                self.until("SELECT count(*) FROM idempotency_records WHERE state = 1", "1").await;
                Some(calm)
            }
            _ => None,
        };
        self.sending(
            &struck,
            match self.death {
                Death::At(Point::BeforeRenew | Point::AfterRenew) => &[("x-delay-ms", "3000")],
                Death::At(Point::BeforeRelease | Point::AfterRelease) => &[("x-fail", "1")],
                _ => &[],
            },
        );
        let status = tokio::time::timeout(PATIENCE, struck.process.wait()).await.expect("it dies").unwrap();
        assert_eq!(status.signal(), Some(9), "it kills itself");

        let successor = Shop::start(self, None).await;
        eventually("an acknowledgement", PATIENCE, async || {
            let status = send(&self.client, &successor.address, &[]).await;
            (status == Some(StatusCode::CREATED)).then_some(())
        })
        .await;
        self.until("SELECT count(*) FROM idempotency_outbox", "0").await;
        self.until("SELECT id, cents FROM orders", "cs_1|4200").await;
        let charges = self.payments.charges();
        assert_eq!(charges.len(), 1, "{charges:?}");
        assert_eq!((charges[0].order.as_str(), charges[0].cents), ("cs_1", 4200));
        let calls = match self.death {
            Death::AfterCall => 2..=2,
            // The relay may have called between the commit and the death.
            Death::At(Point::AfterComplete) => 1..=2,
            _ => 1..=1,
        };
        assert!(calls.contains(&self.calls.load(Ordering::SeqCst)), "{calls:?}");
        drop(calm);
    }

    /// Delivers the event in a task. There may be no answer.
    fn sending(&self, shop: &Shop, headers: &'static [(&str, &str)]) {
        let (client, address) = (self.client.clone(), shop.address.clone());
        tokio::spawn(async move { send(&client, &address, headers).await });
    }

    async fn until(&self, sql: &str, answer: &str) {
        eventually(sql, PATIENCE, async || {
            // An error is no answer yet: the first delivery creates the store's tables.
            let answered = psql(&self.database, sql).await;
            (answered.as_deref() == Ok(answer)).then_some(())
        })
        .await;
    }
}

/// Signs the event and delivers it. Returns the status of the answer, if there is one.
async fn send(
    client: &Client,
    address: &str,
    headers: &[(&'static str, &'static str)],
) -> Option<StatusCode> {
    let mut request = http::Request::post(format!("http://{address}/webhooks/stripe"));
    let signed = testing::stripe("whsec_test", EVENT.as_bytes(), clock::system_unix_time());
    request.headers_mut().unwrap().extend(signed);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let answer = client.request(request.body(Full::from(EVENT)).unwrap()).await;
    answer.ok().map(|answer| answer.status())
}

async fn count(
    State(calls): State<Arc<AtomicUsize>>,
    request: Request,
    next: Next,
) -> axum::response::Response {
    calls.fetch_add(1, Ordering::SeqCst);
    next.run(request).await
}

/// A running shop, which is killed on drop.
struct Shop {
    process: Child,
    address: String,
}

impl Shop {
    async fn start(case: &Case, death: Option<Death>) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_stripe-orders"));
        command.args([&case.database, &case.api]).stdout(Stdio::piped()).kill_on_drop(true);
        match death {
            None => {}
            Some(Death::At(point)) => {
                let fault = FaultAt { point, signal: Signal::Kill, time: 1 };
                command.env("FAULT_AT", fault.to_string());
            }
            Some(Death::BeforeCall) => drop(command.env("RELAY_FAULT_AT", "before-call")),
            Some(Death::AfterCall) => drop(command.env("RELAY_FAULT_AT", "after-call")),
        }
        let mut process = command.spawn().unwrap();
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let address = lines.next_line().await.unwrap().expect("it prints its address");
        // It may print more.
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        Self { process, address }
    }
}
