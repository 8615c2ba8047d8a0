//! Reads the places of an event, and makes its delivery.

use std::borrow::Cow;

use data_encoding::HEXLOWER;

use super::compile::{Alternative, Compiled, Source};
use super::pick::{Value, Values};
use super::{order, place};
use crate::provider::snapshots::Snapshots;
use crate::provider::{Incoming, Rejection};
use crate::{Attributes, Delivery, Fingerprint, Key, Verified};

/// An event of a verified request, which is the whole request unless its scheme has several in one.
pub(super) struct Event<'r, 'a> {
    pub(super) incoming: &'r Incoming<'a>,
    /// The values in the event. `None` if the body is not JSON.
    pub(super) fields: Option<&'r Values<'a>>,
    /// The bytes of the event.
    pub(super) body: &'a [u8],
    /// The values outside the events.
    pub(super) envelope: Option<&'r Values<'a>>,
    /// The number of events before this one.
    pub(super) position: usize,
    pub(super) compiled: &'r Compiled,
}

impl Event<'_, '_> {
    pub(super) fn has_key(&self) -> Result<bool, Rejection> {
        Ok(self.first_of(&self.compiled.key)?.is_some())
    }

    pub(super) fn delivery(&self, proof: &Verified<'_>) -> Result<Delivery, Rejection> {
        let incoming = self.incoming;
        let (place, key) = match self.first_of(&self.compiled.key)? {
            Some(found) => found,
            None if self.fields.is_none() => return Err(Rejection::malformed("the body is not json")),
            None => return Err(Rejection::key_missing("none of the key's places has a value")),
        };
        let key = Key::new(key)?;
        let account = self.first_of(&self.compiled.account)?;
        let is_in_body = |place: &Alternative| matches!(place.sources[..], [Source::Json(_), ..]);
        if self.fields.is_none() && self.compiled.account.iter().any(is_in_body) {
            return Err(Rejection::malformed("the body is not json, and the account is in it"));
        }
        // A sender could name an account like a place. So a place is a tenant inside an account, which may be blank.
        let outer = (place.fallback.is_some() && !self.compiled.account.is_empty()).then_some("");
        let mut delivery = match &account {
            Some((place, account)) if place.is_signed => {
                Delivery::new(proof, incoming.scope_for(Some(account)), key)
            }
            Some((_, account)) => {
                Delivery::new(proof, incoming.scope.clone(), key).narrowed_by_unsigned(account)
            }
            None => Delivery::new(proof, incoming.scope_for(outer), key),
        };
        if let Some(fallback) = &place.fallback {
            // An attacker may choose the place, by leaving a header out, so this is no signed part of the scope.
            delivery = delivery.narrowed_by_unsigned(fallback);
        }
        if !place.is_signed {
            delivery = delivery.with_fingerprint(self.fingerprint());
        }
        let event_type = self.first_of(&self.compiled.event_type)?.map(|(_, event_type)| event_type);
        Ok(delivery
            .with_optional_attribute(Attributes::EVENT_TYPE, event_type)
            .with_optional_attribute("account", account.map(|(_, account)| account)))
    }

    /// Sets a delivery's order if its type is a snapshot.
    pub(super) fn ordered(&self, delivery: Delivery, snapshots: &Snapshots) -> Result<Delivery, Rejection> {
        let event_type = delivery.attributes().event_type().filter(|event_type| snapshots.has(event_type));
        let (Some(order), Some(event_type)) = (&self.compiled.order, event_type.map(str::to_owned)) else {
            return Ok(delivery);
        };
        let resource = self.first_of(&order.resource)?;
        let version = self.first_of(&order.version)?;
        let position = resource.zip(version);
        let position =
            position.and_then(|((place, name), (_, version))| order.position(place, name, &version));
        let scope = delivery.signed_scope().clone();
        Ok(snapshots.order(delivery, &event_type, || scope, self.incoming.now, || position))
    }

    /// The first of the places that has a value, and the value.
    fn first_of<'p>(
        &self,
        places: &'p [Alternative],
    ) -> Result<Option<(&'p Alternative, String)>, Rejection> {
        for place in places {
            if let Some(value) = self.value(place)? {
                return Ok(Some((place, value)));
            }
        }
        Ok(None)
    }

    fn value(&self, place: &Alternative) -> Result<Option<String>, Rejection> {
        if let Some(number) = place.when {
            let condition = self.fields.map(|fields| fields.get(number)).transpose()?;
            if !condition.is_some_and(Value::is_present) {
                return Ok(None);
            }
        }
        let mut parts = Vec::with_capacity(place.sources.len());
        for source in &place.sources {
            match self.part(source)? {
                Some(part) => parts.push(part),
                None => return Ok(None),
            }
        }
        Ok(Some(match (&mut *parts, place.is_joined) {
            ([part], false) => std::mem::take(part).into_owned(),
            (parts, _) => place::joined(parts),
        }))
    }

    fn part(&self, source: &Source) -> Result<Option<Cow<'_, str>>, Rejection> {
        Ok(match source {
            Source::Header(name) => {
                let value = self.incoming.single_header(name.as_str())?;
                value.filter(|value| !value.is_empty()).map(Cow::Borrowed)
            }
            Source::Json(number) => name(self.fields, *number)?.map(Cow::Borrowed),
            Source::Envelope(number) => name(self.envelope, *number)?.map(Cow::Borrowed),
            Source::Sequence(number) => {
                let first = name(self.envelope, *number)?.and_then(order::number);
                let number = first.and_then(|first| first.checked_add(u64::try_from(self.position).ok()?));
                number.map(|number| number.to_string().into())
            }
            Source::Digest => Some(HEXLOWER.encode(&self.compiled.differing.digest(self.body)).into()),
        })
    }

    fn fingerprint(&self) -> Fingerprint {
        match self.compiled.differing.is_empty() {
            true => Fingerprint::of(self.body),
            false => Fingerprint::of(&self.compiled.differing.digest(self.body)),
        }
    }
}

fn name<'v>(values: Option<&'v Values<'_>>, number: usize) -> Result<Option<&'v str>, Rejection> {
    let value = values.map(|values| values.get(number)).transpose()?;
    Ok(value.and_then(|value| value.name()))
}
