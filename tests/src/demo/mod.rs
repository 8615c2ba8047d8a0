//! The demo servers as processes: started, signalled, and asked over HTTP.

mod client;
mod delivery;
mod ledger;
mod process;
mod record;
mod setup;

pub use client::{Answer, Client, NoAnswer};
pub use delivery::{Delivery, SECRETS, SENDERS, TWILIO_URL};
pub use ledger::{Ledger, Line};
pub use process::{Demo, resident_kib};
pub use record::{in_flight, record};
pub use setup::Setup;

use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// Which of the two servers.
///
/// This enum is complete.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[expect(clippy::exhaustive_enums, reason = "there are two demo servers")]
pub enum Framework {
    /// The one in axum.
    Axum,
    /// The one in actix-web.
    Actix,
}

impl Framework {
    /// Each of the two.
    pub const BOTH: [Self; 2] = [Self::Axum, Self::Actix];

    /// Two processes: of one kind, of the other, and one of each.
    pub const PAIRS: [[Self; 2]; 3] =
        [[Self::Axum, Self::Axum], [Self::Actix, Self::Actix], [Self::Axum, Self::Actix]];
}

/// How long a test waits for what must come, on however slow a machine. Where it does not come, something hangs.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// Asks again and again until there is something, and gives it.
///
/// # Panics
/// When there is nothing within so long.
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

/// This moment, to measure how long real processes take.
#[expect(clippy::disallowed_methods, reason = "processes cannot be given another clock")]
#[must_use]
pub fn now() -> Instant {
    Instant::now()
}

/// A path that nobody else has, for a file or a folder.
fn scratch(name: &str) -> PathBuf {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    std::env::temp_dir().join(format!("idempotency-{name}-{}-{number}", std::process::id()))
}
