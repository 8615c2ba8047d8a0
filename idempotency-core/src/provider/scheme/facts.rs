//! What is known about a sender, and how certain it is.

use std::fmt;
use std::time::Duration;

use crate::Policy;

/// How certain a fact about a sender is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Certainty {
    /// Stated in the sender's documentation or code.
    Confirmed,
    /// Stated only by third parties, in their code or in an article.
    Reported,
    /// No source was found.
    Unconfirmed,
}

impl fmt::Display for Certainty {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Confirmed => "confirmed",
            Self::Reported => "reported",
            Self::Unconfirmed => "not confirmed",
        })
    }
}

impl<T> Fact<T> {
    pub(in crate::provider) const fn confirmed(value: T) -> Option<Self>
    where
        T: Copy,
    {
        Some(Self { value, certainty: Certainty::Confirmed })
    }
}

/// A fact about a sender.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Fact<T> {
    /// What is known.
    pub value: T,
    /// How certain it is.
    pub certainty: Certainty,
}

/// What is known about a sender. A fact that is `None` is unknown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Facts {
    /// The sender's name as it writes it.
    pub title: &'static str,
    /// Where its scheme is described.
    pub source: &'static str,
    /// How certain the scheme is: signature, key and what the signature covers.
    pub certainty: Certainty,
    /// For how long it retries a delivery that fails. Zero: it never retries by itself.
    pub retry_horizon: Option<Fact<Duration>>,
    /// For how long it waits for an answer.
    pub patience: Option<Fact<Duration>>,
    /// Whether it retries after an answer 4xx.
    pub retries_4xx: Option<Fact<bool>>,
    /// What else its users must know.
    pub note: &'static str,
}

impl Facts {
    /// The policy of a sender: retention by the retry horizon, wait and store timeout by its patience.
    pub(in crate::provider) fn policy(&self, retention: Duration) -> Policy {
        let horizon = self.retry_horizon.map_or(Duration::ZERO, |horizon| horizon.value);
        let policy = Policy::webhook().with_retention(retention.max(horizon.saturating_mul(2)));
        let Some(Fact { value: patience, .. }) = self.patience else { return policy };
        // Together less than the patience, so that the sender sees the answer.
        let longest = Duration::from_secs(if patience >= Duration::from_secs(10) { 5 } else { 2 });
        let store_timeout = policy.store_timeout().min(patience / 3);
        policy.with_wait(longest.min(patience / 2)).with_store_timeout(store_timeout)
    }

    pub(super) const UNKNOWN: Self = Self {
        title: "",
        source: "",
        certainty: Certainty::Unconfirmed,
        retry_horizon: None,
        patience: None,
        retries_4xx: None,
        note: "",
    };
}
