//! The outcome: the bytes that a completed record answers with.

use std::fmt;

use bytes::{BufMut as _, Bytes, BytesMut};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// The format number of an outcome that is a JSON value. Readers refuse numbers that they do not know.
const FORMAT: u8 = 2;

/// The result of an execution, as bytes that a store keeps and returns unchanged.
///
/// Stores do not interpret the bytes. `Debug` prints only the length.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Outcome(Bytes);

impl Outcome {
    /// An outcome of these bytes.
    #[must_use]
    pub fn new(bytes: impl Into<Bytes>) -> Self {
        Self(bytes.into())
    }

    /// The outcome that [`Idempotency::run`](crate::Idempotency::run) records for a handler's value: a format number, then
    /// the value as JSON. For an operator who settles a record and knows its result.
    ///
    /// ```
    /// use idempotency_core::Outcome;
    /// use idempotency_core::store::Resolution;
    /// let executed = Resolution::Completed(Outcome::of_value(&"shipped")?);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// When the value cannot be written as JSON.
    pub fn of_value<T: Serialize + ?Sized>(value: &T) -> Result<Self, serde_json::Error> {
        let mut bytes = BytesMut::new();
        bytes.put_u8(FORMAT);
        let mut writer = bytes.writer();
        serde_json::to_writer(&mut writer, value)?;
        Ok(Self(writer.into_inner().freeze()))
    }

    /// The recorded value. `None` if the bytes are not a value of this type.
    pub(crate) fn to_value<T: DeserializeOwned>(&self) -> Option<T> {
        let (&format, json) = self.0.split_first()?;
        (format == FORMAT).then(|| serde_json::from_slice(json).ok()).flatten()
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
