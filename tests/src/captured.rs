//! A log in memory that a test can read.

use std::io::{self, Write};
use std::sync::{Arc, Mutex, Once, PoisonError};

use tracing::Level;
use tracing::subscriber::{DefaultGuard, NoSubscriber};
use tracing_subscriber::util::SubscriberInitExt as _;

/// A log in memory. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct Captured(Arc<Mutex<Vec<u8>>>);

impl Captured {
    /// Captures the logs of this thread at this level and above, until the guard is dropped.
    pub fn listen(&self, level: Level) -> DefaultGuard {
        // With a single subscriber, the first thread to reach an event decides for all threads whether it is logged. With
        // a second one, each thread decides for itself.
        static SECOND: Once = Once::new();
        SECOND.call_once(|| {
            tracing::subscriber::set_global_default(NoSubscriber::new()).expect("there is no other");
        });
        let writer = self.clone();
        let log = tracing_subscriber::fmt().with_max_level(level).with_ansi(false);
        log.with_writer(move || writer.clone()).finish().set_default()
    }

    /// Everything logged so far.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.lock().unwrap_or_else(PoisonError::into_inner)).into_owned()
    }
}

impl Write for Captured {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
