//! The crash kit on PostgreSQL: a handler whose rows are written in its transaction, and one that writes them by itself.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use idempotency_core::testing::crash::{CrashKit, CrashReport, CrashRun};
use idempotency_core::{Delivery, IdempotencyContext, Key, Scope, Verified};
use idempotency_sqlx::PostgresStore;
use idempotency_tests::postgres_server::psql;
use sqlx::{Connection as _, PgConnection};

use crate::transaction::{Error, PATIENCE, database};

/// The pairs of points that are tried: all of them would take minutes on a database.
const TAKEOVERS: usize = 30;

/// A namespace of its own in the database that all schedules share.
#[derive(Clone)]
struct World {
    url: String,
    namespace: String,
}

impl World {
    fn store(&self) -> PostgresStore {
        let store = PostgresStore::new(&self.url, self.namespace.as_str()).unwrap().with_connections(2);
        // A copy that stands still in its transaction holds the other one up for this long.
        store.with_timeout(PATIENCE).with_idle_limit(Duration::from_secs(1))
    }

    /// The orders in the table, each as often as it is there.
    async fn orders(self) -> Vec<(String, String)> {
        let rows = psql(&self.url, &format!("SELECT id FROM orders WHERE id = '{}'", self.namespace)).await;
        rows.unwrap().lines().map(|_| ("order".to_owned(), "order-42".to_owned())).collect()
    }
}

const INSERT: &str = "INSERT INTO orders (id) VALUES ($1)";

async fn report<H, F>(handler: H) -> CrashReport
where
    H: Fn(IdempotencyContext, World) -> F + Send + Sync + 'static,
    F: Future<Output = Result<(), Error>> + Send + 'static,
{
    static WORLDS: AtomicUsize = AtomicUsize::new(0);
    let url = database().await;
    let delivery = Delivery::new(
        &Verified::by_other_means(b""),
        Scope::endpoint("orders"),
        Key::new("order-42").unwrap(),
    );
    let world = move || {
        let number = WORLDS.fetch_add(1, Ordering::Relaxed);
        World { url: url.clone(), namespace: format!("world-{number}") }
    };
    let kit = CrashKit::new(delivery, world, move |context, _, world: World| handler(context, world));
    let kit = kit.with_store(|world: &World, _| world.store()).with_effects_from(World::orders);
    kit.in_real_time().with_max_takeovers(TAKEOVERS).run().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_of_a_transaction_are_written_once_whatever_crashes() {
    let report = report(|context, world| async move {
        let mut transaction = world.store().begin(&context).await?;
        sqlx::query(INSERT).bind(world.namespace).execute(&mut *transaction).await?;
        Ok(())
    });
    let report = report.await;
    report.assert_each_effect_once();
    // An answer that is there at once makes no point, so the number depends on the database's speed. The claim is always one.
    assert!(report.runs().len() > 3, "{report}");
}

/// The check can fail: without the transaction, the next attempt writes the same row again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_row_that_is_committed_before_the_completion_may_be_written_twice() {
    let report = report(|_, world| async move {
        let mut connection = PgConnection::connect(&world.url).await?;
        sqlx::query(INSERT).bind(world.namespace).execute(&mut connection).await?;
        Ok(())
    });
    let report = report.await;
    report.assert_no_event_lost();
    let is_twice = |run: &CrashRun| run.effects().any(|(_, _, count)| count == 2);
    assert!(report.runs().iter().any(is_twice), "{report}");
}
