//! The work of a delivery, which is the same in every server.

use std::hint::black_box;
use std::sync::atomic::{AtomicU64, Ordering};

/// The answer to a delivery.
pub const ANSWER: &str = r#"{"received":true}"#;
/// The content type of the answer.
pub const CONTENT_TYPE: &str = "application/json";

static EXECUTIONS: AtomicU64 = AtomicU64::new(0);

/// Takes note of an event.
pub fn execute(event: &[u8]) {
    black_box(event);
    EXECUTIONS.fetch_add(1, Ordering::Relaxed);
}

/// How often it has run.
pub fn executions() -> String {
    EXECUTIONS.load(Ordering::Relaxed).to_string()
}
