//! What can go wrong at a store, and whether a retry can help.

use std::error::Error;
use std::fmt;

type BoxError = Box<dyn Error + Send + Sync>;

/// A store could not carry out an operation.
///
/// Its text names the store and the kind, never a key, a secret or a stored body; [`Error::source`] keeps the cause
/// for logs.
#[derive(Debug)]
pub struct StoreError {
    kind: StoreErrorKind,
    may_have_executed: bool,
    is_store_in_reach: bool,
    store: &'static str,
    source: Option<BoxError>,
}

/// Which kind of failure it was: what is known of the operation, and whether repeating it can help.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum StoreErrorKind {
    /// The operation was certainly not carried out; repeating it may help.
    Unavailable,
    /// The operation may or may not have been carried out. Repeat it with the same owner.
    Unknown,
    /// The operation was carried out, and is taken back since too few of the store's servers confirmed it in time. Claim
    /// again as another owner.
    Unconfirmed,
    /// The store is full and refuses new data. Nothing was changed.
    Full,
    /// The store refuses the operation for good: wrong credentials, wrong configuration, or a bug.
    Refused,
}

impl StoreError {
    /// An error of this kind at the store of this name.
    #[must_use]
    pub fn new(store: &'static str, kind: StoreErrorKind) -> Self {
        let may_have_executed = kind == StoreErrorKind::Unknown;
        Self { kind, may_have_executed, is_store_in_reach: false, store, source: None }
    }

    /// The same error with its cause.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<BoxError>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// The same error of a store that is known to be in reach: it carried the operation out, say, and cannot vouch for it
    /// yet. [`OnOutage::Proceed`](crate::OnOutage::Proceed) is not for such a store.
    #[must_use]
    pub fn of_a_store_in_reach(mut self) -> Self {
        self.is_store_in_reach = true;
        self
    }

    /// The same error of an operation that is not to be repeated, since it is taken back.
    #[cfg(feature = "redis")]
    pub(crate) fn of_what_is_taken_back(mut self) -> Self {
        self.kind = StoreErrorKind::Unconfirmed;
        self.may_have_executed = false;
        self
    }

    /// The same error of the last of several tries, with what is known from the earlier ones.
    pub(crate) fn after(mut self, earlier: Option<&Self>) -> Self {
        self.may_have_executed |= earlier.is_some_and(|error| error.may_have_executed);
        self.is_store_in_reach |= earlier.is_some_and(|error| error.is_store_in_reach);
        self
    }

    /// Which kind of failure it was; where the operation was tried several times, the last one's.
    #[must_use]
    pub fn kind(&self) -> StoreErrorKind {
        self.kind
    }

    /// Whether repeating the operation can help.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        matches!(self.kind, StoreErrorKind::Unavailable | StoreErrorKind::Unknown)
    }

    /// Whether the store was in reach all the same, at any of the operation's tries: it refuses, is full, or cannot keep its
    /// promise until an operator repairs it.
    #[must_use]
    pub fn is_store_in_reach(&self) -> bool {
        self.is_store_in_reach || !self.is_transient()
    }

    /// Whether the operation may have been carried out all the same, by any of its tries.
    #[must_use]
    pub fn may_have_executed(&self) -> bool {
        self.may_have_executed
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self.kind {
            StoreErrorKind::Unavailable => "is unavailable",
            StoreErrorKind::Unknown if self.is_store_in_reach => "cannot vouch for the operation yet",
            StoreErrorKind::Unknown => "did not answer",
            StoreErrorKind::Unconfirmed => "could not confirm the operation",
            StoreErrorKind::Full => "is full",
            StoreErrorKind::Refused => "refused the operation",
        };
        write!(f, "the {} store {what}", self.store)
    }
}

impl Error for StoreError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_deref().map(|source| source as &(dyn Error + 'static))
    }
}
