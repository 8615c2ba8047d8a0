use std::sync::mpsc;

use async_trait::async_trait;
use futures_util::FutureExt as _;

use super::*;

/// A server that cannot be reached, and does not say so.
#[derive(Debug)]
struct Silent;

#[async_trait]
impl Dial for Silent {
    fn address(&self) -> String {
        "silent".to_owned()
    }

    async fn dial(&self) -> RedisResult<MultiplexedConnection> {
        std::future::pending().await
    }
}

/// The threads of such calls would never end, and neither would the program.
#[test]
fn waits_from_other_threads_end_when_their_runtime_does() {
    let (ended, end) = mpsc::channel();
    std::thread::spawn(move || {
        let timeout = Duration::from_secs(1);
        let wait = Arc::new(Wait { command: redis::cmd("WAIT"), timeout, reply_timeout: timeout });
        let (confirmer, dial) = (Arc::<Confirmer>::default(), Arc::new(Silent) as Arc<dyn Dial>);
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
        // One after the other: all groups wait for a connection, and the last writes for a group.
        let mut waits: Vec<_> = (0..MAX_GROUPS + 2)
            .map(|_| Box::pin(confirmer.confirm(&dial, Arc::clone(&wait), "k", false)))
            .collect();
        runtime.block_on(async {
            for wait in &mut waits {
                tokio::time::timeout(timeout, wait).await.unwrap_err();
            }
        });
        let handle = runtime.handle().clone();
        drop(runtime);
        let are_over = waits.into_iter().all(|wait| wait.now_or_never().is_some_and(|end| end.is_err()));
        ended.send(are_over).unwrap();
        // A write after the end.
        let _context = handle.enter();
        let late = confirmer.confirm(&dial, wait, "k", false).now_or_never();
        ended.send(late.is_some_and(|end| end.is_err())).unwrap();
    });
    for call in ["queued", "late"] {
        assert_eq!(end.recv_timeout(Duration::from_secs(10)), Ok(true), "{call}");
    }
}
