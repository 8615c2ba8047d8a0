//! The sender hangs up, in every way and at every moment: the handler finishes and its outcome is recorded.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Once};
use std::time::Duration;

use bytes::Bytes;
use idempotency_core::store::memory::MemoryStore;
use idempotency_core::store::{StateView, Store as _};
use idempotency_core::{Attachment, Policy};
use idempotency_tests::http::{
    Adapter, DELIBERATE, Fault, Operation, Reply, Served, Site, TestSender, handler, post,
};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinHandle;

/// Longer than any step here takes on the slowest machine.
const PATIENCE: Duration = Duration::from_secs(60);

fn patient() -> Policy {
    Policy::webhook().with_wait(PATIENCE).with_store_timeout(PATIENCE)
}

/// How the sender hangs up.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Exit {
    /// HTTP/1: the connection is closed.
    Fin,
    /// HTTP/1: the connection is reset.
    Rst,
    /// HTTP/1: the sender closes its half and still listens.
    HalfClose,
    /// HTTP/2: the stream is reset, and the connection stays open.
    ResetStream,
    /// HTTP/2: the connection is closed.
    CloseConnection,
}

/// When the sender hangs up.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Moment {
    /// The body has been read and the claim is under way.
    Claiming,
    /// The handler runs.
    Working,
    /// The handler has finished and its outcome is being recorded.
    Completing,
}

impl Exit {
    /// Whether the framework drops the response future, as measured.
    fn drops_the_response(self, adapter: Adapter) -> bool {
        adapter == Adapter::Axum || self == Self::Rst
    }
}

macro_rules! matrix {
    ($($name:ident: $adapter:ident $exit:ident;)*) => {
        $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $name() {
            for moment in [Moment::Claiming, Moment::Working, Moment::Completing] {
                let case = outlives(Adapter::$adapter, Exit::$exit, moment);
                let stuck = format!("stuck: {moment:?}");
                tokio::time::timeout(PATIENCE, case).await.expect(&stuck);
            }
        })*
    };
}

matrix! {
    in_axum_the_handler_outlives_a_fin: Axum Fin;
    in_axum_the_handler_outlives_a_reset: Axum Rst;
    in_axum_the_handler_outlives_a_half_close: Axum HalfClose;
    in_axum_the_handler_outlives_a_cancelled_stream: Axum ResetStream;
    in_axum_the_handler_outlives_a_closed_http2_connection: Axum CloseConnection;
    in_actix_the_handler_outlives_a_fin: Actix Fin;
    in_actix_the_handler_outlives_a_reset: Actix Rst;
    in_actix_the_handler_outlives_a_half_close: Actix HalfClose;
    in_actix_the_handler_outlives_a_cancelled_stream: Actix ResetStream;
    in_actix_the_handler_outlives_a_closed_http2_connection: Actix CloseConnection;
}

async fn outlives(adapter: Adapter, exit: Exit, moment: Moment) {
    let site = Site::new(adapter, Arc::new(MemoryStore::new()));
    let work = Work::new();
    let served = site.serve(TestSender::new(patient()), work.handler()).await;
    let gate = match moment {
        Moment::Working => work.gate.clone(),
        Moment::Claiming | Moment::Completing => {
            work.gate.add_permits(1);
            let gate = Arc::new(Semaphore::new(0));
            let operation = if moment == Moment::Claiming { Operation::Claim } else { Operation::Complete };
            site.store.breaks_times(operation, Fault::Held(gate.clone()), 1);
            gate
        }
    };

    let sender = Sender::send(&served, exit).await;
    match moment {
        Moment::Claiming => site.store.asked(Operation::Claim, 1).await,
        Moment::Working => served.executed(1).await,
        Moment::Completing => site.store.asked(Operation::Complete, 1).await,
    }
    let gone = sender.leave(exit).await;
    if exit.drops_the_response(adapter) {
        served.departures.until(|ended| ended.dropped == 1).await;
    }
    gate.add_permits(1);

    work.finished(1).await;
    let record = served.completed("k").await;
    assert_eq!(record.attempts, 1);
    let again = post("/hook").key("k").body("{}").send_to(served.addr).await.expect("the server lives");
    again.is(200, "replayed").says("done");
    assert_eq!(served.executions(), 1);
    assert!(served.engine.drain(PATIENCE).await);
    drop(gone);
}

macro_rules! both {
    ($($name:ident)*) => {
        mod axum {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() { super::$name(super::Adapter::Axum).await })*
        }
        mod actix {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() { super::$name(super::Adapter::Actix).await })*
        }
    };
}

both! {
    a_sender_that_leaves_at_once_is_executed_once_in_all
    a_truncated_upload_claims_nothing
    a_disconnect_during_upload_is_no_panic
    an_abandoned_execution_keeps_its_key_until_the_lease_runs_out
    a_released_execution_frees_its_key_at_once
    drain_waits_for_an_execution_whose_sender_left
    a_panic_without_a_waiting_sender_releases_as_well
}

/// There is one execution with the retry, whether or not the server saw the first delivery.
async fn a_sender_that_leaves_at_once_is_executed_once_in_all(adapter: Adapter) {
    for exit in [Exit::Fin, Exit::Rst, Exit::HalfClose, Exit::ResetStream, Exit::CloseConnection] {
        let site = Site::new(adapter, Arc::new(MemoryStore::new()));
        let work = Work::new();
        work.gate.add_permits(2);
        let served = site.serve(TestSender::new(patient()), work.handler()).await;
        let gone = Sender::send(&served, exit).await.leave(exit).await;
        let again = post("/hook").key("k").body("{}").send_to(served.addr).await.expect("the server lives");
        assert_eq!(again.status, 200, "{exit:?} {again:?}");
        assert!(served.engine.drain(PATIENCE).await);
        assert_eq!(served.executions(), 1, "{exit:?}");
        drop(gone);
    }
}

/// The sender uploads ten bytes of a thousand.
async fn a_truncated_upload_claims_nothing(adapter: Adapter) {
    let site = Site::new(adapter, Arc::new(MemoryStore::new()));
    let served = site.serve(TestSender::new(patient()), Work::new().handler()).await;
    for _ in 0..3 {
        let mut socket = upload(&served, "content-length: 1000", "0123456789").await;
        socket.shutdown().await.expect("the socket is open");
        let mut answer = Vec::new();
        // The server answers 400 or just closes. Then it is done with the request.
        drop(socket.read_to_end(&mut answer).await);
        assert!(answer.is_empty() || answer.starts_with(b"HTTP/1.1 400"), "{}", answer.escape_ascii());
    }
    assert_eq!((served.executions(), site.store.count(Operation::Claim)), (0, 0));
    assert!(served.engine.drain(Duration::ZERO).await);
}

/// The uploads have a length, are chunked, or end inside a chunk's head; they are closed or reset. The test counts the
/// panics of all threads, since a panic in a server happens in its framework's threads.
async fn a_disconnect_during_upload_is_no_panic(adapter: Adapter) {
    static PANICS: AtomicUsize = AtomicUsize::new(0);
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let default = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            if info.payload().downcast_ref::<String>().is_none_or(|text| text != DELIBERATE) {
                PANICS.fetch_add(1, Ordering::SeqCst);
            }
            default(info);
        }));
    });
    let site = Site::new(adapter, Arc::new(MemoryStore::new()));
    let work = Work::new();
    work.gate.add_permits(1);
    let served = site.serve(TestSender::new(patient()), work.handler()).await;
    let mut gone = 0;
    for (framing, part) in [
        ("content-length: 1000", "0123456789"),
        ("content-length: 1000", ""),
        ("transfer-encoding: chunked", "5\r\n01234\r\n"),
        ("transfer-encoding: chunked", "ff"),
        ("transfer-encoding: chunked", "zz\r\n"),
    ] {
        for reset in [false, true] {
            let socket = upload(&served, framing, part).await;
            if reset {
                socket.set_zero_linger().expect("the socket is open");
            }
            drop(socket);
            gone += 1;
        }
    }
    let again = post("/hook").key("k").body("{}").send_to(served.addr).await.expect("the server lives");
    again.is(200, "executed");
    // A reset before the head of the request was read leaves no response future.
    served.departures.until(|ended| ended.answered + ended.dropped > gone / 2).await;
    assert_eq!((served.executions(), PANICS.load(Ordering::SeqCst)), (1, 0));
}

/// It is unknown whether the effect happened.
async fn an_abandoned_execution_keeps_its_key_until_the_lease_runs_out(adapter: Adapter) {
    let (site, served) = dropped_with_its_caller(adapter, Attachment::LeaveWithCaller).await;
    let key = served.key("/hook", "k");
    let record = site.store.load(key.digest()).await.expect("the store answers").expect("there is a record");
    assert!(matches!(record.state, StateView::InFlight { .. }), "{record:?}");
    let again = post("/hook").key("k").body("{}").send_to(served.addr).await.expect("the server lives");
    again.is(503, "conflict");
    assert_eq!((served.executions(), site.store.count(Operation::Release)), (1, 0));
}

/// This suits a handler that is cancel safe.
async fn a_released_execution_frees_its_key_at_once(adapter: Adapter) {
    let (site, served) = dropped_with_its_caller(adapter, Attachment::FailWithCaller).await;
    let key = served.key("/hook", "k");
    let record = site.store.load(key.digest()).await.expect("the store answers").expect("there is a record");
    assert_eq!(record.state, StateView::Released);
    let again = post("/hook").key("k").body("{}").send_to(served.addr).await.expect("the server lives");
    again.is(200, "executed").says("done");
    assert_eq!(served.executions(), 2);
}

/// A site on which a reset dropped the first execution of `k`.
async fn dropped_with_its_caller(adapter: Adapter, attachment: Attachment) -> (Site, Served) {
    let site = Site::new(adapter, Arc::new(MemoryStore::new()));
    let work = Work::new();
    let policy = patient().with_attachment(attachment).with_wait(Duration::ZERO);
    let served = site.serve(TestSender::new(policy), work.handler()).await;
    let sender = Sender::send(&served, Exit::Rst).await;
    served.executed(1).await;
    drop(sender.leave(Exit::Rst).await);
    served.departures.until(|ended| ended.dropped == 1).await;
    assert!(served.engine.drain(PATIENCE).await);
    work.gate.add_permits(2);
    (site, served)
}

/// The server does not wait for it, since its connection is gone.
async fn drain_waits_for_an_execution_whose_sender_left(adapter: Adapter) {
    let site = Site::new(adapter, Arc::new(MemoryStore::new()));
    let work = Work::new();
    let served = site.serve(TestSender::new(patient()), work.handler()).await;
    let sender = Sender::send(&served, Exit::Rst).await;
    served.executed(1).await;
    drop(sender.leave(Exit::Rst).await);
    served.departures.until(|ended| ended.dropped == 1).await;
    assert!(!served.engine.drain(Duration::from_millis(10)).await);
    work.gate.add_permits(1);
    assert!(served.engine.drain(PATIENCE).await);
    assert_eq!(*work.finished.borrow(), 1);
    assert_eq!(served.completed("k").await.attempts, 1);
}

/// The panic stays in its task, and the server lives.
async fn a_panic_without_a_waiting_sender_releases_as_well(adapter: Adapter) {
    let site = Site::new(adapter, Arc::new(MemoryStore::new()));
    let gate = Arc::new(Semaphore::new(0));
    let held = gate.clone();
    let panicking = handler(move |call| {
        let held = held.clone();
        async move {
            held.acquire().await.expect("the gate is never closed").forget();
            assert!(call.context.is_some_and(|context| context.attempt() > 1), "{DELIBERATE}");
            Reply::new(200, "done")
        }
    });
    let served = site.serve(TestSender::new(patient()), panicking).await;
    let sender = Sender::send(&served, Exit::Rst).await;
    served.executed(1).await;
    drop(sender.leave(Exit::Rst).await);
    served.departures.until(|ended| ended.dropped == 1).await;
    gate.add_permits(2);
    let again = post("/hook").key("k").body("{}").send_to(served.addr).await.expect("the server lives");
    again.is(200, "executed").says("done");
    assert_eq!(served.executions(), 2);
}

/// Work that waits for a permit and signals its end.
struct Work {
    gate: Arc<Semaphore>,
    finished: Arc<watch::Sender<usize>>,
}

impl Work {
    fn new() -> Self {
        Self { gate: Arc::new(Semaphore::new(0)), finished: Arc::new(watch::Sender::new(0)) }
    }

    fn handler(&self) -> idempotency_tests::http::Handler {
        let (gate, finished) = (self.gate.clone(), self.finished.clone());
        handler(move |_| {
            let (gate, finished) = (gate.clone(), finished.clone());
            async move {
                gate.acquire().await.expect("the gate is never closed").forget();
                finished.send_modify(|count| *count += 1);
                Reply::new(200, "done")
            }
        })
    }

    async fn finished(&self, times: usize) {
        let mut finished = self.finished.subscribe();
        finished.wait_for(|&count| count >= times).await.expect("the work outlives the wait");
    }
}

/// A sender that has sent a complete delivery of `k` and has not read an answer.
enum Sender {
    Http1(TcpStream),
    Http2 { stream: h2::SendStream<Bytes>, connection: JoinHandle<()> },
}

impl Sender {
    async fn send(served: &Served, exit: Exit) -> Self {
        match exit {
            Exit::Fin | Exit::Rst | Exit::HalfClose => {
                Self::Http1(upload(served, "content-length: 2", "{}").await)
            }
            Exit::ResetStream | Exit::CloseConnection => {
                let socket = TcpStream::connect(served.addr).await.expect("the server accepts");
                let (sender, connection) = h2::client::handshake(socket).await.expect("the server speaks h2");
                // Aborting the task closes the socket.
                let connection = tokio::spawn(async move { drop(connection.await) });
                let mut sender = sender.ready().await.expect("the connection is open");
                let request = http::Request::post("http://test/hook")
                    .header("x-key", "k")
                    .body(())
                    .expect("it is a request");
                let (response, mut stream) = sender.send_request(request, false).expect("a stream is free");
                stream.send_data(Bytes::from_static(b"{}"), true).expect("the stream is open");
                // Kept like in a waiting sender, since dropping it would cancel the stream.
                std::mem::forget(response);
                Self::Http2 { stream, connection }
            }
        }
    }

    /// Hangs up. The returned sender keeps the rest of a connection open.
    async fn leave(self, exit: Exit) -> Option<Self> {
        match self {
            Self::Http1(mut socket) => match exit {
                Exit::HalfClose => {
                    socket.shutdown().await.expect("the socket is open");
                    return Some(Self::Http1(socket));
                }
                Exit::Rst => socket.set_zero_linger().expect("the socket is open"),
                _ => {}
            },
            Self::Http2 { mut stream, connection } => {
                if exit == Exit::ResetStream {
                    stream.send_reset(h2::Reason::CANCEL);
                    return Some(Self::Http2 { stream, connection });
                }
                connection.abort();
                drop(connection.await);
            }
        }
        None
    }
}

/// A request of `k` on a new socket, up to and including this part of its body.
async fn upload(served: &Served, framing: &str, part: &str) -> TcpStream {
    let mut socket = TcpStream::connect(served.addr).await.expect("the server accepts");
    let request = format!("POST /hook HTTP/1.1\r\nhost: test\r\nx-key: k\r\n{framing}\r\n\r\n{part}");
    socket.write_all(request.as_bytes()).await.expect("the server reads");
    socket
}
