//! Listing records for operators: filters, pages and cursors.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use crate::{RecordView, StateView, record};

/// Selects the records to list. By default all.
///
/// ```
/// use std::time::Duration;
/// use idempotency_core::store::{Filter, StateKind};
/// let stuck = Filter::all().in_state(StateKind::Abandoned).of_endpoint("stripe /webhooks/stripe");
/// let old = Filter::all().older_than(Duration::from_secs(3600));
/// ```
#[derive(Clone, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub struct Filter {
    /// Only records in this state.
    pub state: Option<StateKind>,
    /// Only records with this endpoint in their label.
    pub endpoint: Option<Arc<str>>,
    /// Only records that were last claimed at least this long ago.
    pub older_than: Option<Duration>,
}

/// The states of a [`StateView`], without their values.
///
/// This enum is complete.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[expect(clippy::exhaustive_enums, reason = "a record is in one of these states")]
pub enum StateKind {
    /// An execution is under way.
    InFlight,
    /// The lease ran out or was abandoned, and no claim has taken over.
    Abandoned,
    /// The next claim is granted at once.
    Released,
    /// The key was executed.
    Completed,
    /// The record cannot be read, and is in doubt.
    Unreadable,
}

impl StateView {
    /// Returns the kind of the state.
    #[must_use]
    pub fn kind(&self) -> StateKind {
        match self {
            Self::InFlight { .. } => StateKind::InFlight,
            Self::Abandoned => StateKind::Abandoned,
            Self::Released => StateKind::Released,
            Self::Completed(_) => StateKind::Completed,
            Self::Unreadable => StateKind::Unreadable,
        }
    }
}

impl Filter {
    /// Includes all records.
    #[must_use]
    pub fn all() -> Self {
        Self::default()
    }

    /// Includes only records in this state. Default: any state.
    #[must_use]
    pub fn in_state(mut self, state: StateKind) -> Self {
        self.state = Some(state);
        self
    }

    /// Includes only records of this endpoint, as in [`Scope::endpoint_name`](crate::Scope::endpoint_name). Default:
    /// any endpoint.
    ///
    /// If the name is longer than a [label](crate::store::Label) shows, this includes every endpoint with the same truncated
    /// name.
    #[must_use]
    pub fn of_endpoint(mut self, endpoint: impl AsRef<str>) -> Self {
        self.endpoint = Some(record::truncate_endpoint(endpoint.as_ref().into()));
        self
    }

    /// Includes only records that were last claimed at least `age` ago. Default: any age.
    #[must_use]
    pub fn older_than(mut self, age: Duration) -> Self {
        self.older_than = Some(age);
        self
    }

    /// Returns whether the filter includes a record, at `unix_now` since 1970 on the store's clock. An unreadable
    /// record has no endpoint, and matches any age.
    #[must_use]
    pub fn includes(&self, record: &RecordView, unix_now: Duration) -> bool {
        let of_age = |age| record.claimed_at().is_none_or(|claimed| claimed.saturating_add(age) <= unix_now);
        self.state.is_none_or(|state| state == record.state.kind())
            && self.endpoint.as_ref().is_none_or(|endpoint| record.label.endpoint.as_ref() == Some(endpoint))
            && self.older_than.is_none_or(of_age)
    }
}

/// Selects one page of a listing.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Page {
    /// The approximate number of records, at least 1. A store may return a few more or fewer.
    pub limit: usize,
    /// The end of the previous page. `None` for the first page.
    pub after: Option<Cursor>,
}

impl Page {
    /// Creates the first page, of about `limit` records but at least 1.
    #[must_use]
    pub fn first(limit: usize) -> Self {
        Self { limit: limit.max(1), after: None }
    }

    /// Continues after this cursor.
    #[must_use]
    pub fn after(self, cursor: Cursor) -> Self {
        Self { after: Some(cursor), ..self }
    }
}

/// The end of a page, as text that only its store can read.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Cursor(String);

impl Cursor {
    /// Creates a cursor from a store's text.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// Returns the text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Cursor {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(Self::new(text))
    }
}

/// One page of records.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub struct Listing {
    /// The records of this page. May be empty even if there is a next page.
    pub records: Vec<RecordView>,
    /// The start of the next page. `None` on the last page.
    pub next: Option<Cursor>,
}

impl Listing {
    /// Creates a page that continues at `next`.
    #[must_use]
    pub fn new(records: Vec<RecordView>, next: Option<Cursor>) -> Self {
        Self { records, next }
    }
}
