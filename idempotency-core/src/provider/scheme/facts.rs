//! What is known about a sender, and how certain it is.

use std::fmt;
use std::time::Duration;

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
