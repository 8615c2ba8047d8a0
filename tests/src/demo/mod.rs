//! The demo servers as processes: start, signals, and requests over HTTP.

mod client;
mod delivery;
mod gate;
mod ledger;
mod process;
mod record;
mod setup;
mod steering;

pub use client::{Answer, Client, NoAnswer};
pub use delivery::{Delivery, SECRETS, SENDERS, TWILIO_URL};
pub use gate::Gate;
pub use ledger::{Ledger, Line};
pub use process::{Demo, resident_kib};
pub use record::{NAMESPACE, in_flight, in_flight_in, record, record_in};
pub use setup::Setup;
pub use steering::Steering;

use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// The framework of a demo server.
///
/// This enum is complete.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[expect(clippy::exhaustive_enums, reason = "there are two demo servers")]
pub enum Framework {
    /// The server in axum.
    Axum,
    /// The server in actix-web.
    Actix,
}

impl Framework {
    /// Both frameworks.
    pub const BOTH: [Self; 2] = [Self::Axum, Self::Actix];

    /// Two processes: both axum, both actix-web, and one of each.
    pub const PAIRS: [[Self; 2]; 3] =
        [[Self::Axum, Self::Axum], [Self::Actix, Self::Actix], [Self::Axum, Self::Actix]];
}

/// How long a test waits for an event that must happen. It is longer than the slowest machine needs.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// Polls until there is a result, and returns it.
///
/// # Panics
/// If there is none within the limit.
pub async fn eventually<T>(what: &str, within: Duration, mut ask: impl AsyncFnMut() -> Option<T>) -> T {
    let start = now();
    loop {
        if let Some(answer) = ask().await {
            return answer;
        }
        assert!(start.elapsed() < within, "{what}: not within {within:?}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// The current instant, to measure real processes.
#[expect(clippy::disallowed_methods, reason = "processes cannot be given another clock")]
#[must_use]
pub fn now() -> Instant {
    Instant::now()
}

/// A unique path for a file or a folder.
pub fn scratch(name: &str) -> PathBuf {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    std::env::temp_dir().join(format!("idempotency-{name}-{}-{number}", std::process::id()))
}
