//! The points around the handler's effect.

use std::io;
use std::sync::Arc;

use idempotency_core::IdempotencyContext;
use idempotency_demo::Ledger;
use serde_json::Value;

use super::Point;
use super::armed::Armed;

/// A ledger with a point before and after each entry.
#[derive(Debug)]
pub struct FaultyLedger {
    inner: Arc<dyn Ledger>,
    armed: Arc<Armed>,
}

impl FaultyLedger {
    /// Puts the points around a ledger.
    pub(super) fn new(inner: Arc<dyn Ledger>, armed: Arc<Armed>) -> Self {
        Self { inner, armed }
    }
}

impl Ledger for FaultyLedger {
    fn record(&self, context: &IdempotencyContext) -> io::Result<()> {
        self.armed.reach(Point::BeforeEffect);
        self.inner.record(context)?;
        self.armed.reach(Point::AfterEffect);
        Ok(())
    }

    fn entries(&self) -> io::Result<Vec<Value>> {
        self.inner.entries()
    }
}
