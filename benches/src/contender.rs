//! Something that is measured: one operation on numbered keys.

use async_trait::async_trait;

/// One way to do an operation. Its figure is compared with that of the baseline.
#[async_trait]
pub trait Contender: Send + Sync {
    /// Its name in the table.
    fn name(&self) -> &str;

    /// Does the operation for a key that is used once.
    ///
    /// # Panics
    /// If the operation has a wrong result.
    async fn operate(&self, key: u64);
}
