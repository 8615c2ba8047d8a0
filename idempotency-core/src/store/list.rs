//! Listing records, for operators: a filter, pages, and what a page holds.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use crate::{RecordView, StateView, record};

/// Which records to list. By default all of them.
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
    /// Records in this state only.
    pub state: Option<StateKind>,
    /// Records whose label names this endpoint only.
    pub endpoint: Option<Arc<str>>,
    /// Records that were last claimed at least this long ago only.
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
    /// The lease ran out, and no claim has taken over.
    Abandoned,
    /// The next claim is granted at once.
    Released,
    /// It was executed.
    Completed,
    /// It cannot be read: in doubt.
    Unreadable,
}

impl StateView {
    /// Which state it is.
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
    /// All records.
    #[must_use]
    pub fn all() -> Self {
        Self::default()
    }

    /// Only those in this state. Default: in any.
    #[must_use]
    pub fn in_state(mut self, state: StateKind) -> Self {
        self.state = Some(state);
        self
    }

    /// Only those of this endpoint, as [`Scope::as_endpoint`](crate::Scope::as_endpoint) names it. Default: of any. Where that is
    /// longer than a [label](crate::Label) shows, those of every endpoint that begins alike.
    #[must_use]
    pub fn of_endpoint(mut self, endpoint: impl AsRef<str>) -> Self {
        self.endpoint = Some(record::cut(endpoint.as_ref().into()));
        self
    }

    /// Only those that were last claimed at least `age` ago. Default: of any age.
    #[must_use]
    pub fn older_than(mut self, age: Duration) -> Self {
        self.older_than = Some(age);
        self
    }

    /// Whether a record is among them, at `unix_now` since 1970 on the store's clock. An unreadable one is of no endpoint
    /// and of any age.
    #[must_use]
    pub fn includes(&self, record: &RecordView, unix_now: Duration) -> bool {
        let of_age = |age| record.claimed_at().is_none_or(|claimed| claimed.saturating_add(age) <= unix_now);
        self.state.is_none_or(|state| state == record.state.kind())
            && self.endpoint.as_ref().is_none_or(|endpoint| record.label.endpoint.as_ref() == Some(endpoint))
            && self.older_than.is_none_or(of_age)
    }
}

/// Which part of a listing to give.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Page {
    /// About how many records to give: at least one more than none, and a store may give a few more or fewer.
    pub limit: usize,
    /// Where the page before ended; `None` for the first one.
    pub after: Option<Cursor>,
}

impl Page {
    /// The first page, of about `limit` records, at least 1.
    #[must_use]
    pub fn first(limit: usize) -> Self {
        Self { limit: limit.max(1), after: None }
    }

    /// The page that begins where another one ended.
    #[must_use]
    pub fn after(self, cursor: Cursor) -> Self {
        Self { after: Some(cursor), ..self }
    }
}

/// Where a page ended: text that only its store reads, for the next call.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Cursor(String);

impl Cursor {
    /// A cursor of a store's own.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text.
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
    /// The records of this page, which may be none although there is a next one.
    pub records: Vec<RecordView>,
    /// Where to go on; `None` on the last page.
    pub next: Option<Cursor>,
}

impl Listing {
    /// A page that ends at `next`.
    #[must_use]
    pub fn new(records: Vec<RecordView>, next: Option<Cursor>) -> Self {
        Self { records, next }
    }
}
