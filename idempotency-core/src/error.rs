//! Errors of stores, and whether a retry can help.

use std::error::Error;
use std::fmt;

type BoxError = Box<dyn Error + Send + Sync>;

/// A store could not carry out an operation.
///
/// The message names the store and the kind of failure, never a key, a secret or a stored body. [`Error::source`] has the
/// cause, for logs.
#[derive(Debug)]
pub struct StoreError {
    kind: StoreErrorKind,
    may_have_executed: bool,
    is_store_in_reach: bool,
    store: &'static str,
    source: Option<BoxError>,
}

/// The kind of a failure: whether the operation took effect, and whether repeating it can help.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum StoreErrorKind {
    /// The operation had no effect. Repeating it may help.
    Unavailable,
    /// The operation may or may not have taken effect. Repeat it with the same owner.
    Unknown,
    /// The operation took effect, but too few of the store's servers confirmed it in time, so it is undone. Claim again as
    /// another owner.
    Unconfirmed,
    /// The store is full and refuses new data. Nothing changed.
    Full,
    /// The store refuses the operation permanently: wrong credentials, wrong configuration, or a bug.
    Refused,
}

impl StoreError {
    /// An error of this kind at the named store.
    #[must_use]
    pub fn new(store: &'static str, kind: StoreErrorKind) -> Self {
        let may_have_executed = kind == StoreErrorKind::Unknown;
        Self { kind, may_have_executed, is_store_in_reach: false, store, source: None }
    }

    /// Adds the cause.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<BoxError>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// Marks the store as reachable, for example because it carried out the operation but cannot confirm it yet.
    /// [`OnOutage::Proceed`](crate::OnOutage::Proceed) does not apply to such an error.
    #[must_use]
    pub fn with_store_in_reach(mut self) -> Self {
        self.is_store_in_reach = true;
        self
    }

    /// Marks the operation as undone, so that it is not repeated.
    #[cfg(feature = "redis")]
    pub(crate) fn undone(mut self) -> Self {
        self.kind = StoreErrorKind::Unconfirmed;
        self.may_have_executed = false;
        self
    }

    /// Merges the error of an earlier try of the same operation. For stores that repeat an operation by themselves.
    #[must_use]
    pub fn after(mut self, earlier: Option<&Self>) -> Self {
        self.may_have_executed |= earlier.is_some_and(|error| error.may_have_executed);
        self.is_store_in_reach |= earlier.is_some_and(|error| error.is_store_in_reach);
        self
    }

    /// The kind of failure. If the operation was tried several times, that of the last try.
    #[must_use]
    pub fn kind(&self) -> StoreErrorKind {
        self.kind
    }

    /// Whether repeating the operation can help.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        matches!(self.kind, StoreErrorKind::Unavailable | StoreErrorKind::Unknown)
    }

    /// Whether any try of the operation reached the store. Such a store refuses the operation, is full,
    /// or cannot confirm it until an operator repairs it.
    #[must_use]
    pub fn is_store_in_reach(&self) -> bool {
        self.is_store_in_reach || !self.is_transient()
    }

    /// Whether any try of the operation may have taken effect.
    #[must_use]
    pub fn may_have_executed(&self) -> bool {
        self.may_have_executed
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let failure = match self.kind {
            StoreErrorKind::Unavailable => "is unavailable",
            StoreErrorKind::Unknown if self.is_store_in_reach => "cannot confirm the operation yet",
            StoreErrorKind::Unknown => "did not answer",
            StoreErrorKind::Unconfirmed => "could not confirm the operation",
            StoreErrorKind::Full => "is full",
            StoreErrorKind::Refused => "refused the operation",
        };
        write!(f, "the {} store {failure}", self.store)
    }
}

impl Error for StoreError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_deref().map(|source| source as &(dyn Error + 'static))
    }
}
