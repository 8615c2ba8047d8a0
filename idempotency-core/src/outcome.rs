//! The outcome: the bytes that a completed record answers with.

use std::fmt;

use bytes::Bytes;

/// What an execution left behind, as bytes that a store keeps and gives back bit for bit.
///
/// Stores do not look inside. `Debug` prints the length only.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Outcome(Bytes);

impl Outcome {
    /// An outcome of these bytes.
    #[must_use]
    pub fn new(bytes: impl Into<Bytes>) -> Self {
        Self(bytes.into())
    }

    /// The bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &Bytes {
        &self.0
    }

    /// The bytes, owned.
    #[must_use]
    pub fn into_bytes(self) -> Bytes {
        self.0
    }
}

impl fmt::Debug for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Outcome({} bytes)", self.0.len())
    }
}
