//! What a scheme says: its settings, its facts and its policy.

use std::time::Duration;

use super::settings::Time;
use super::{Encoding, Facts, Handshake, Place, Proof, Scheme, TimeUnit};
use crate::Policy;

/// What the steps have set.
impl Scheme {
    /// The scheme's name, such as `square`.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// How the sender proves itself.
    #[must_use]
    pub fn proof(&self) -> Proof {
        self.proof
    }

    /// The names of the headers that may hold the signature.
    #[must_use]
    pub fn signature_header_names(&self) -> &[&'static str] {
        self.headers.names()
    }

    /// How the signature is written.
    #[must_use]
    pub fn encoding(&self) -> Encoding {
        self.encoding
    }

    /// The template of the signed text.
    #[must_use]
    pub fn signed_text(&self) -> &'static str {
        self.signed_text
    }

    /// Whether the sender signs the endpoint's URL, so that [`with_url`](Self::with_url) must be called.
    #[must_use]
    pub fn is_url_signed(&self) -> bool {
        self.signed_text.contains("{url}")
    }

    /// The place of the key.
    #[must_use]
    pub fn key(&self) -> Option<Place> {
        self.key
    }

    /// Whether nothing tells a retry from the next event, so that nothing is deduplicated.
    #[must_use]
    pub fn is_keyless(&self) -> bool {
        self.is_keyless
    }

    /// The methods other than POST by which the sender delivers, if you configure it to.
    #[must_use]
    pub fn further_methods(&self) -> &'static [&'static str] {
        self.methods
    }

    /// Whether the signature covers all of the key, in each of its places.
    #[must_use]
    pub fn is_key_signed(&self) -> bool {
        self.key.is_some_and(|key| self.is_signed(&key))
    }

    /// The place of the event's type.
    #[must_use]
    pub fn event_type(&self) -> Option<Place> {
        self.event_type
    }

    /// The place of the account that narrows the scope.
    #[must_use]
    pub fn account(&self) -> Option<Place> {
        self.account
    }

    /// The pointers to the fields that differ between attempts.
    #[must_use]
    pub fn differing(&self) -> &'static [&'static str] {
        self.differing
    }

    /// The allowed clock skew of the signed time. Zero if no time is signed, or any age is accepted.
    #[must_use]
    pub fn signature_window(&self) -> Duration {
        match self.time {
            Time::None => Duration::ZERO,
            _ => self.age.tolerance().unwrap_or_default(),
        }
    }

    /// The places of the resource and of its version, if the events have an order.
    #[must_use]
    pub fn order(&self) -> Option<(Place, Place)> {
        self.order.map(|order| (order.resource, order.version))
    }

    /// The path to each event, if a request has several.
    #[must_use]
    pub fn events(&self) -> Option<&'static str> {
        self.events
    }

    /// The handshake.
    #[must_use]
    pub fn handshake_kind(&self) -> Handshake {
        self.handshake
    }

    /// What is known about the sender.
    #[must_use]
    pub fn facts(&self) -> Facts {
        Facts { title: if self.facts.title.is_empty() { self.name } else { self.facts.title }, ..self.facts }
    }

    /// The policy: retention by the retry horizon, wait and store timeout by the sender's patience.
    #[must_use]
    pub fn policy(&self) -> Policy {
        let policy = self.facts.policy(self.retention);
        match self.body_limit {
            Some(bytes) => policy.with_body_limit(bytes),
            None => policy,
        }
    }

    pub(super) fn unit(&self) -> TimeUnit {
        self.unit.unwrap_or(TimeUnit::Seconds)
    }

    /// Whether the signature covers a place, and all places in it.
    pub(super) fn is_signed(&self, place: &Place) -> bool {
        match place {
            Place::Json(_) | Place::Envelope(_) | Place::Sequence(_) | Place::Digest => {
                self.proof.is_signature()
            }
            Place::When(_, place) => self.is_signed(place),
            Place::Joined(places) | Place::FirstOf(places) => {
                places.iter().all(|place| self.is_signed(place))
            }
            Place::Header(name) => self.proof.is_signature() && self.signs_header(name),
        }
    }

    fn signs_header(&self, name: &str) -> bool {
        let is = |other: &str| other.eq_ignore_ascii_case(name);
        let by_name = self.signed_text.match_indices("{header:").any(|(at, start)| {
            let rest = &self.signed_text[at + start.len()..];
            rest.split('}').next().is_some_and(is)
        });
        let as_id =
            self.signed_text.contains("{id}") && matches!(self.key, Some(Place::Header(key)) if is(key));
        let as_time =
            self.signed_text.contains("{timestamp}") && matches!(self.time, Time::Header(time) if is(time));
        by_name || as_id || as_time
    }
}
