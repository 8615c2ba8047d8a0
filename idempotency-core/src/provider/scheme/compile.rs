//! A scheme that is checked, with its template and its places parsed.

use http::{HeaderName, Method};

use super::checks;
use super::differing::Differing;
use super::events::EventPath;
use super::order::{CompiledOrder, OrderPlaces};
use super::pick::Paths;
use super::settings::Time;
use super::template::{self, Part};
use super::{Place, Scheme, SchemeError, TimeUnit};
use crate::provider::canonical::Pointer;

/// What a request is read by.
#[derive(Clone, Debug)]
pub(super) struct Compiled {
    pub(super) signed_text: Vec<Part>,
    pub(super) signature_headers: Vec<HeaderName>,
    pub(super) time: CompiledTime,
    /// The exact number of digits of a time, if only that shows where it ends.
    pub(super) time_digits: Option<usize>,
    pub(super) methods: Vec<Method>,
    /// The pointers into the body, which are picked in one pass.
    pub(super) paths: Paths,
    pub(super) events: Option<EventPath>,
    /// The pointers into an event, if a request has several.
    pub(super) event_paths: Paths,
    pub(super) key: Vec<Alternative>,
    pub(super) event_type: Vec<Alternative>,
    pub(super) account: Vec<Alternative>,
    pub(super) order: Option<CompiledOrder>,
    pub(super) challenge: Option<Challenge>,
    pub(super) differing: Differing,
}

/// The handshake in a body.
#[derive(Clone, Debug)]
pub(super) struct Challenge {
    /// The number of the pointer to the text that the answer is made of, unless it is always the same.
    pub(super) text: Option<usize>,
    /// The number of the pointer with the text that makes a delivery a handshake, and that text.
    pub(super) when: (usize, &'static str),
}

#[derive(Clone, Debug)]
pub(super) enum CompiledTime {
    None,
    Header(HeaderName),
    Item(&'static str),
    Json(usize),
}

/// One of the places where a value may be.
#[derive(Clone, Debug)]
pub(super) struct Alternative {
    /// The number of the pointer that must have a value.
    pub(super) when: Option<usize>,
    pub(super) sources: Vec<Source>,
    pub(super) is_joined: bool,
    pub(super) is_signed: bool,
    /// The place's name in scopes, for all but the first place.
    pub(super) fallback: Option<String>,
}

#[derive(Clone, Debug)]
pub(super) enum Source {
    Header(HeaderName),
    /// In the event.
    Json(usize),
    /// In the body, outside the events.
    Envelope(usize),
    Sequence(usize),
    Digest,
}

pub(super) fn compile(scheme: &Scheme) -> Result<Compiled, SchemeError> {
    checks::settings(scheme)?;
    if scheme.key.is_none() && !scheme.is_keyless {
        return Err(SchemeError::NoKey);
    }
    let id = match scheme.key {
        Some(Place::Header(name)) => Some(name),
        _ => None,
    };
    let signed_text = template::parse(scheme.signed_text, id, scheme.unit() == TimeUnit::Rfc3339)?;
    checks::time(scheme, &signed_text)?;
    checks::url(scheme, &signed_text)?;
    let methods = methods(scheme.methods)?;
    checks::methods(scheme, &methods, &signed_text)?;
    let (mut paths, mut event_paths) = (Paths::default(), Paths::default());
    let events = scheme.events.map(|text| EventPath::parse(text).ok_or(SchemeError::Events(text)));
    let events = events.transpose()?;
    let time = match scheme.time {
        Time::None => CompiledTime::None,
        Time::Header(name) => CompiledTime::Header(header(name)?),
        Time::Item(prefix) => CompiledTime::Item(prefix),
        Time::Json(text) => CompiledTime::Json(paths.add(&pointer(text)?)),
    };
    let mut places = Places { scheme, paths: &mut paths, event_paths: &mut event_paths };
    let compiled = Compiled {
        signature_headers: scheme
            .headers
            .names()
            .iter()
            .map(|name| header(name))
            .collect::<Result<_, _>>()?,
        key: places.optional(scheme.key)?,
        event_type: places.optional(scheme.event_type)?,
        account: places.optional(scheme.account)?,
        order: places.order()?,
        challenge: places.challenge()?,
        differing: Differing::new(
            scheme.differing.iter().map(|text| pointer(text)).collect::<Result<_, _>>()?,
        ),
        time_digits: scheme.unit().digits().filter(|_| checks::is_time_beside_header(&signed_text)),
        methods,
        signed_text,
        time,
        paths,
        events,
        event_paths,
    };
    checks::account(scheme, &compiled)?;
    if let (Some(order), Some(places)) = (&compiled.order, &scheme.order) {
        order.check(scheme, places, &compiled.event_type, &compiled.account)?;
    }
    if let Some(key) = scheme.key {
        checks::key(scheme, key, &compiled)?;
    }
    checks::challenge(&compiled)?;
    checks::events(scheme, &compiled)?;
    Ok(compiled)
}

/// POST and the further methods.
fn methods(further: &[&'static str]) -> Result<Vec<Method>, SchemeError> {
    let further = further.iter().map(|name| {
        let is_upper = name.bytes().all(|byte| byte.is_ascii_uppercase());
        Method::from_bytes(name.as_bytes()).ok().filter(|_| is_upper).ok_or(SchemeError::Method(name))
    });
    std::iter::once(Ok(Method::POST)).chain(further).collect()
}

struct Places<'s, 'p> {
    scheme: &'s Scheme,
    paths: &'p mut Paths,
    event_paths: &'p mut Paths,
}

impl Places<'_, '_> {
    fn optional(&mut self, place: Option<Place>) -> Result<Vec<Alternative>, SchemeError> {
        place.map_or_else(|| Ok(Vec::new()), |place| self.alternatives(&place))
    }

    fn order(&mut self) -> Result<Option<CompiledOrder>, SchemeError> {
        let Some(OrderPlaces { resource, version, form }) = self.scheme.order else { return Ok(None) };
        let (resource, version) = (self.alternatives(&resource)?, self.alternatives(&version)?);
        Ok(Some(CompiledOrder { resource, version, form }))
    }

    fn challenge(&mut self) -> Result<Option<Challenge>, SchemeError> {
        let Some((text, (when, expected))) = self.scheme.handshake.challenge() else { return Ok(None) };
        let text = text.map(pointer).transpose()?.map(|pointer| self.paths.add(&pointer));
        Ok(Some(Challenge { text, when: (self.paths.add(&pointer(when)?), expected) }))
    }

    fn alternatives(&mut self, place: &Place) -> Result<Vec<Alternative>, SchemeError> {
        let places = match place {
            Place::FirstOf(places) => *places,
            place => std::slice::from_ref(place),
        };
        let alternatives = places.iter().map(|place| self.alternative(place));
        let mut alternatives = alternatives.collect::<Result<Vec<_>, _>>()?;
        for (alternative, place) in alternatives.iter_mut().zip(places).skip(1) {
            alternative.fallback = Some(place.scope_name());
        }
        let wrong = |reason| Err(SchemeError::Place { place: *place, reason });
        if alternatives.is_empty() {
            return wrong("is a list without places");
        }
        // The first unsigned place must come after the last signed one.
        if !alternatives.is_sorted_by_key(|alternative| !alternative.is_signed) {
            return wrong(
                "has an unsigned place before a signed one: an attacker could add the unsigned value",
            );
        }
        Ok(alternatives)
    }

    fn alternative(&mut self, place: &Place) -> Result<Alternative, SchemeError> {
        let (when, place) = match place {
            Place::When(text, place) => (Some(self.add_to_event(text)?), *place),
            place => (None, place),
        };
        let places = match place {
            Place::Joined(places) => *places,
            place => std::slice::from_ref(place),
        };
        if places.is_empty() {
            return Err(SchemeError::Place { place: *place, reason: "is a list without places" });
        }
        Ok(Alternative {
            when,
            sources: places.iter().map(|place| self.source(place)).collect::<Result<_, _>>()?,
            is_joined: matches!(place, Place::Joined(_)),
            is_signed: self.scheme.is_signed(place),
            fallback: None,
        })
    }

    /// Adds a pointer into the event, which is the whole body unless a request has several.
    fn add_to_event(&mut self, text: &'static str) -> Result<usize, SchemeError> {
        let paths = if self.scheme.events.is_some() { &mut *self.event_paths } else { &mut *self.paths };
        Ok(paths.add(&pointer(text)?))
    }

    fn source(&mut self, place: &Place) -> Result<Source, SchemeError> {
        match place {
            Place::Header(name) => header(name).map(Source::Header),
            Place::Json(text) => self.add_to_event(text).map(Source::Json),
            Place::Envelope(_) | Place::Sequence(_) if self.scheme.events.is_none() => {
                let reason = "is outside the events, of which the scheme has one: call `events_in`";
                Err(SchemeError::Place { place: *place, reason })
            }
            Place::Envelope(text) => Ok(Source::Envelope(self.paths.add(&pointer(text)?))),
            Place::Sequence(text) => Ok(Source::Sequence(self.paths.add(&pointer(text)?))),
            Place::Digest => Ok(Source::Digest),
            Place::Joined(_) | Place::FirstOf(_) | Place::When(..) => {
                Err(SchemeError::Place { place: *place, reason: "is nested too deeply" })
            }
        }
    }
}

fn header(name: &'static str) -> Result<HeaderName, SchemeError> {
    HeaderName::from_bytes(name.as_bytes()).map_err(|_| SchemeError::HeaderName(name))
}

fn pointer(text: &'static str) -> Result<Pointer, SchemeError> {
    // Elsewhere `*` stands for each element of a list, so here it would be a mistake.
    let pointer = Pointer::parse(text).filter(|pointer| !pointer.steps().iter().any(|step| step == "*"));
    pointer.ok_or(SchemeError::Pointer(text))
}
