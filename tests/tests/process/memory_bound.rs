//! A thousand concurrent uploads over the limit hold bounded memory.

use std::sync::Arc;

use idempotency_core::Policy;
use idempotency_core::store::memory::MemoryStore;
use idempotency_tests::http::{Adapter, Operation, Reply, Served, Site, TestSender, handler, post};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::net::tcp::WriteHalf;
use tokio::sync::Barrier;
use tokio::task::JoinSet;

use super::ALLOCATOR;

const UPLOADS: usize = 1000;
const LIMIT: usize = 64 << 10;
/// The bytes that each sender tries to send: without a limit 4 GiB in all.
const TRIED: usize = 4 << 20;
/// The limit, a second time while a buffer grows, and the frameworks' read-ahead, with a wide margin.
const BOUND: usize = UPLOADS * (512 << 10);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_uploads_over_the_limit_hold_bounded_memory() {
    let descriptors = rlimit::increase_nofile_limit(4096).expect("the limit can be queried");
    assert!(descriptors > 2 * UPLOADS as u64, "2,000 file descriptors are needed: raise `ulimit -Hn`");
    for adapter in [Adapter::Axum, Adapter::Actix] {
        let site = Site::new(adapter, Arc::new(MemoryStore::new()));
        let sender = TestSender::new(Policy::webhook().with_body_limit(LIMIT));
        let served = Arc::new(site.serve(sender, handler(async |_| Reply::new(200, "done"))).await);
        let before = ALLOCATOR.current_usage();
        ALLOCATOR.reset_peak_usage();

        let all_full = Arc::new(Barrier::new(UPLOADS));
        let mut uploads = JoinSet::new();
        for _ in 0..UPLOADS {
            uploads.spawn(upload(served.clone(), all_full.clone()));
        }
        let refused = uploads.join_all().await.into_iter().filter(|refused| *refused).count();

        let held = ALLOCATOR.peak_usage() - before;
        println!(
            "{adapter:?}: {UPLOADS} uploads held {} KiB each, {refused} read their 413",
            held / UPLOADS / 1024
        );
        assert!(held < BOUND, "{adapter:?}: {held} bytes over {BOUND}");
        assert_eq!((served.executions(), site.store.count(Operation::Claim)), (0, 0));
        served.send(post("/hook").key("k").body("short")).await.is(200, "executed");
    }
}

/// Fills the limit, waits until all senders have done so, and continues until it is stopped. Returns whether it read
/// the 413, which can be lost if the server closes while its peer still sends.
async fn upload(served: Arc<Served>, all_full: Arc<Barrier>) -> bool {
    static PIECE: [u8; 16 << 10] = [b'x'; 16 << 10];
    let mut socket = TcpStream::connect(served.addr).await.expect("the server accepts");
    let (mut from, mut to) = socket.split();
    let head = "POST /hook HTTP/1.1\r\nhost: test\r\nx-key: k\r\ntransfer-encoding: chunked\r\n\r\n";
    let filled = async {
        to.write_all(head.as_bytes()).await?;
        for _ in 0..LIMIT / PIECE.len() {
            send(&mut to, &PIECE).await?;
        }
        std::io::Result::Ok(())
    }
    .await;
    // Also if the server hung up early, since the others wait for all.
    all_full.wait().await;
    if filled.is_err() {
        return false;
    }
    let sending = async {
        for _ in LIMIT / PIECE.len()..TRIED / PIECE.len() {
            send(&mut to, &PIECE).await?;
        }
        std::io::Result::Ok(())
    };
    let mut answer = [0; 12];
    // The first one to end decides: the server need not read a refused body.
    tokio::select! {
        read = from.read_exact(&mut answer) => read.is_ok() && &answer == b"HTTP/1.1 413",
        _ = sending => false,
    }
}

/// One chunk of 16 KiB.
async fn send(to: &mut WriteHalf<'_>, piece: &[u8; 16 << 10]) -> std::io::Result<()> {
    to.write_all(b"4000\r\n").await?;
    to.write_all(piece).await?;
    to.write_all(b"\r\n").await
}
