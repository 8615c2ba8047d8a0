//! What is known about a sender, and how certain it is.

use std::fmt;
use std::time::Duration;

use super::Scheme;
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
    /// Whether a retry has the key of the first attempt. Also `None` for most keys with a digest: they repeat if the content does.
    pub retry_repeats_key: Option<Fact<bool>>,
    /// Whether a redelivery by hand, such as from the sender's console, has the key of the first delivery.
    pub redelivery_repeats_key: Option<Fact<bool>>,
    /// Answers that the sender treats specially, such as a status that ends its retries. Empty: none is known.
    pub answers: &'static str,
    /// What to set at the sender besides the URL and the secret, and what the sender calls the secret. Empty: nothing is known.
    pub setup: &'static str,
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

    pub(in crate::provider) const UNKNOWN: Self = Self {
        title: "",
        source: "",
        certainty: Certainty::Unconfirmed,
        retry_horizon: None,
        patience: None,
        retries_4xx: None,
        retry_repeats_key: None,
        redelivery_repeats_key: None,
        answers: "",
        setup: "",
        note: "",
    };
}

/// The facts. Only those of [`retries_for`](Self::retries_for) and [`waits_for`](Self::waits_for) change the policy. The others are
/// for readers, and for pages that you make from [`facts`](Self::facts).
impl Scheme {
    /// The sender's name as it writes it. Default: the scheme's name.
    pub const fn titled(mut self, title: &'static str) -> Self {
        self.facts.title = title;
        self
    }

    /// Where the scheme is described, and how certain it is. Default: unknown.
    pub const fn described_by(mut self, source: &'static str, certainty: Certainty) -> Self {
        self.facts.source = source;
        self.facts.certainty = certainty;
        self
    }

    /// For how long the sender retries a delivery that fails. The retention becomes at least twice as long. Default: unknown.
    pub const fn retries_for(mut self, horizon: Duration, certainty: Certainty) -> Self {
        self.facts.retry_horizon = Some(Fact { value: horizon, certainty });
        self
    }

    /// For how long the sender waits for an answer. A duplicate of a delivery in flight is answered earlier. Default: unknown.
    pub const fn waits_for(mut self, patience: Duration, certainty: Certainty) -> Self {
        self.facts.patience = Some(Fact { value: patience, certainty });
        self
    }

    /// Whether the sender retries after an answer 4xx. Default: unknown.
    pub const fn retries_after_4xx(mut self, retries: bool, certainty: Certainty) -> Self {
        self.facts.retries_4xx = Some(Fact { value: retries, certainty });
        self
    }

    /// Whether a retry has the key of the first attempt. It does if the key is an id of the event, and does not if it is an id of
    /// the attempt. For a key with a digest, leave it out. Default: unknown.
    pub const fn retry_repeats_key(mut self, repeats: bool, certainty: Certainty) -> Self {
        self.facts.retry_repeats_key = Some(Fact { value: repeats, certainty });
        self
    }

    /// Whether a redelivery by hand, such as from the sender's console, has the key of the first delivery. If so, it
    /// is a duplicate. If not, it runs again. Default: unknown.
    pub const fn redelivery_repeats_key(mut self, repeats: bool, certainty: Certainty) -> Self {
        self.facts.redelivery_repeats_key = Some(Fact { value: repeats, certainty });
        self
    }

    /// Sets which answers the sender treats specially, such as a status that ends its retries. Whole sentences. Default:
    /// none that is known.
    pub const fn noting_answers(mut self, answers: &'static str) -> Self {
        self.facts.answers = answers;
        self
    }

    /// Sets the text about what to set at the sender besides the URL and the secret, and what it calls the secret. Whole
    /// sentences. Default: nothing.
    pub const fn noting_setup(mut self, setup: &'static str) -> Self {
        self.facts.setup = setup;
        self
    }

    /// What else the sender's users must know. Whole sentences. Default: nothing.
    pub const fn noting(mut self, note: &'static str) -> Self {
        self.facts.note = note;
        self
    }
}
