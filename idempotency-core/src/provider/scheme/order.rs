//! The order of a delivery: where its resource is, and how new it is.

use std::borrow::Cow;
use std::time::Duration;

use super::compile::{Alternative, Source};
use super::{Place, Scheme, SchemeError, TimeUnit, time};
use crate::provider::signature;
use crate::provider::snapshots::Position;

/// How a sender writes the version of a resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum VersionForm {
    /// A whole number that grows with each change of the resource.
    Number,
    /// The time of the change. Two changes at one time are both processed.
    Time(TimeUnit),
}

/// Where the order is.
#[derive(Clone, Copy, Debug)]
pub(super) struct OrderPlaces {
    pub(super) resource: Place,
    pub(super) version: Place,
    pub(super) form: VersionForm,
}

/// The places of the order, compiled.
#[derive(Clone, Debug)]
pub(super) struct CompiledOrder {
    pub(super) resource: Vec<Alternative>,
    pub(super) version: Vec<Alternative>,
    pub(super) form: VersionForm,
}

impl CompiledOrder {
    /// Refuses an order that an attacker could write, and one that is none.
    pub(super) fn check(
        &self,
        scheme: &Scheme,
        places: &OrderPlaces,
        event_type: &[Alternative],
        account: &[Alternative],
    ) -> Result<(), SchemeError> {
        let is_signed = |places: &[Alternative]| places.iter().all(|place| place.is_signed);
        let wrong = |place, reason| Err(SchemeError::Place { place, reason });
        if event_type.is_empty() {
            return Err(SchemeError::Setting("an order is of the events of some types: call `type_in`"));
        }
        let event_type = scheme.event_type.map(|place| (place, event_type));
        let order = [(places.resource, &self.resource[..]), (places.version, &self.version[..])];
        for (place, compiled) in order.into_iter().chain(event_type) {
            if !is_signed(compiled) {
                return wrong(place, "is not signed, so a forged version could discard every later event");
            }
        }
        let is_digest = |place: &Alternative| matches!(place.sources[..], [Source::Digest]);
        if self.version.iter().any(|place| place.is_joined || is_digest(place)) {
            return wrong(places.version, "is no version, which is one number or one time");
        }
        if self.resource.iter().any(is_digest) {
            return wrong(places.resource, "is no resource: each event has another one");
        }
        if let Some(place) = scheme.account.filter(|_| !is_signed(account)) {
            return wrong(place, "is not signed, so resources of two accounts could not be told apart");
        }
        Ok(())
    }

    /// The position of an event of the resource at this place, and of this version. `None` if the version is not in the
    /// sender's form.
    pub(super) fn position(
        &self,
        place: &Alternative,
        resource: String,
        version: &str,
    ) -> Option<Position<'static>> {
        let (version, per_second) = match self.form {
            // No number is a time in the future.
            VersionForm::Number => (number(version)?, u64::MAX),
            VersionForm::Time(unit) => (micros(time::parse(version, unit)?)?, 1_000_000),
        };
        // The order 1 and the invoice 1 are two resources.
        let kind = place.fallback.clone().map_or(Cow::Borrowed("resource"), Cow::Owned);
        Some(Position { kind, name: resource.into(), version, per_second })
    }
}

/// A whole number in decimal digits.
pub(super) fn number(text: &str) -> Option<u64> {
    signature::digits(text).filter(|_| !text.is_empty())
}

fn micros(time: Duration) -> Option<u64> {
    u64::try_from(time.as_micros()).ok()
}
