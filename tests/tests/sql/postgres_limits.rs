//! `PostgresStore` at its limits: the longest durations, large tables, a slow migration, and poolers.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use idempotency_core::store::{Claimed, Filter, Hold, Page, Store as _};
use idempotency_sqlx::PostgresStore;
use idempotency_tests::listing::each_namespace_lists_its_own;
use idempotency_tests::postgres_server::{PostgresServer, psql};
use sqlx::postgres::PgPool;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use crate::postgres::{PATIENCE, claim, completion, granted, store};

#[tokio::test]
async fn the_longest_timeout_is_no_panic() {
    let url = PostgresServer::shared().await.new_database().await;
    let store = PostgresStore::new(&url, "tests").unwrap().with_timeout(Duration::MAX);
    let store = store.with_idle_limit(Duration::MAX);
    let mut forever = claim("k", 1);
    (forever.lease, forever.retention) = (Duration::MAX, Duration::MAX);
    let lease = granted(&store, &forever).await;
    assert_eq!(store.renew(&lease, Duration::MAX).await.unwrap(), Hold::Held);
    let mut completion = completion(&lease);
    completion.retention = Duration::MAX;
    assert_eq!(store.complete(&completion).await.unwrap(), Hold::Held);
    assert!(matches!(store.claim(&claim("k", 2)).await.unwrap(), Claimed::Completed(_)));
}

/// Another migration may have a lock on the catalogue for longer than an operation may take.
#[tokio::test]
async fn a_migration_may_take_longer_than_an_operation() {
    let url = PostgresServer::shared().await.new_database().await;
    let store = PostgresStore::new(&url, "tests").unwrap().with_timeout(Duration::from_millis(200));
    let pool = PgPool::connect(&url).await.unwrap();
    let mut other = pool.begin().await.unwrap();
    sqlx::query("SELECT pg_advisory_xact_lock(x'6964656d706f7465'::bigint)")
        .execute(&mut *other)
        .await
        .unwrap();
    let migration = tokio::spawn({
        let store = store.clone();
        async move { store.migrate().await }
    });
    tokio::time::sleep(Duration::from_secs(1)).await;
    other.rollback().await.unwrap();
    tokio::time::timeout(PATIENCE, migration).await.unwrap().unwrap().unwrap();
}

/// In a table of millions of rows, it would otherwise take longer than an operation may.
#[tokio::test]
async fn a_purge_reads_no_row_that_has_not_expired() {
    let url = PostgresServer::shared().await.new_database().await;
    let store = store(&url).with_connections(1);
    granted(&store, &claim("k", 1)).await;
    // Their ends are not in the order of the table.
    let fill = "INSERT INTO idempotency_records
             (digest, namespace, state, owner, fence, attempts, retention, expires_at, revision)
         SELECT sha256(n::text::bytea), namespace, 2, owner, fence, 1, retention, expires_at + n * 7919 % 100000 * 1000, 0
         FROM idempotency_records, generate_series(1, 100000) AS n;
         INSERT INTO idempotency_marks SELECT expires_at, digest, digest FROM idempotency_records;
         ANALYZE idempotency_records, idempotency_marks";
    psql(&url, fill).await.unwrap();
    // PostgreSQL plans a prepared statement anew until it is used for the sixth time.
    for _ in 0..8 {
        assert_eq!(store.purge_expired(1000).await.unwrap(), 0);
    }
    // A session reports what it has read when it ends.
    drop(store);
    let others = "SELECT count(*) FROM pg_stat_activity
         WHERE datname = current_database() AND backend_type = 'client backend' AND pid <> pg_backend_pid()";
    let ended = async { while psql(&url, others).await.unwrap() != "0" {} };
    tokio::time::timeout(PATIENCE, ended).await.unwrap();
    let read = "SELECT coalesce(sum(seq_tup_read), 0) FROM pg_stat_user_tables";
    let read: u64 = psql(&url, read).await.unwrap().parse().unwrap();
    // Once to copy the table, and its indexes were there before it was filled.
    assert!(read < 300_000, "{read} rows were read");
}

#[tokio::test]
async fn each_namespace_lists_its_own_records() {
    let url = PostgresServer::shared().await.new_database().await;
    let [one, two, many] = ["one", "two", "many"]
        .map(|namespace| PostgresStore::new(&url, namespace).unwrap().with_timeout(PATIENCE));
    each_namespace_lists_its_own(&one, &two, &many).await;
}

/// However many the caller asks for, as in the other stores.
#[tokio::test]
async fn a_page_reads_at_most_a_thousand_rows() {
    let url = PostgresServer::shared().await.new_database().await;
    let store = store(&url);
    granted(&store, &claim("k", 1)).await;
    let fill = "INSERT INTO idempotency_records
             (digest, namespace, state, owner, fence, attempts, retention, expires_at, revision)
         SELECT sha256(n::text::bytea), namespace, 2, owner, fence, 1, retention, expires_at, 0
         FROM idempotency_records, generate_series(1, 1999) AS n";
    psql(&url, fill).await.unwrap();
    let (mut page, mut lengths) = (Page::first(usize::MAX), Vec::new());
    loop {
        let listing = store.list(&Filter::all(), &page).await.unwrap();
        lengths.push(listing.records.len());
        let Some(next) = listing.next else { break };
        page = Page::first(usize::MAX).after(next);
    }
    assert_eq!(lengths, [1000, 1000, 0]);
}

/// Poolers such as PgBouncer before 1.21 do not keep the names of their clients' prepared statements apart.
#[tokio::test]
async fn a_store_for_a_transaction_pooler_names_no_statement() {
    let url = PostgresServer::shared().await.new_database().await;
    let server = url.split(['@', '/']).nth(3).unwrap().to_owned();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let through = url.replace(&server, &listener.local_addr().unwrap().to_string());
    let sent = Arc::new(Mutex::new(Vec::new()));
    let relayed = Arc::clone(&sent);
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            let (server, sent) = (TcpStream::connect(&server).await.unwrap(), Arc::clone(&relayed));
            tokio::spawn(async move {
                let ((mut requests, mut replies), (mut answers, mut queries)) =
                    (client.into_split(), server.into_split());
                tokio::spawn(async move { tokio::io::copy(&mut answers, &mut replies).await });
                let mut buffer = vec![0; 1 << 16];
                while let Ok(count @ 1..) = requests.read(&mut buffer).await {
                    sent.lock().unwrap().extend_from_slice(&buffer[..count]);
                    queries.write_all(&buffer[..count]).await.unwrap();
                }
            });
        }
    });
    let names = |bytes: &[u8]| bytes.windows(7).filter(|part| part == b"sqlx_s_").count();
    let pooled = store(&through).behind_transaction_pooler();
    let lease = granted(&pooled, &claim("k", 1)).await;
    assert_eq!(pooled.complete(&completion(&lease)).await.unwrap(), Hold::Held);
    assert_eq!(names(&sent.lock().unwrap()), 0);
    // Without a pooler they are prepared once, under a name.
    assert!(matches!(store(&through).claim(&claim("k", 2)).await.unwrap(), Claimed::Completed(_)));
    assert_ne!(names(&sent.lock().unwrap()), 0);
}
