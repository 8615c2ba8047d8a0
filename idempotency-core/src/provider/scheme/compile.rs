//! A scheme that is checked, with its template and its places parsed.

use http::HeaderName;

use super::pick::Paths;
use super::settings::{Headers, Time};
use super::template::{self, Part};
use super::url::EndpointUrl;
use super::{BODY, Encoding, Place, Proof, Scheme, SchemeError, TimeUnit};
use crate::provider::canonical::Pointer;

/// What a request is read by.
#[derive(Clone, Debug)]
pub(super) struct Compiled {
    pub(super) signed_text: Vec<Part>,
    pub(super) signature_headers: Vec<HeaderName>,
    pub(super) time: CompiledTime,
    /// The pointers of all places, which are picked in one pass.
    pub(super) paths: Paths,
    pub(super) key: Vec<Alternative>,
    pub(super) event_type: Vec<Alternative>,
    pub(super) account: Vec<Alternative>,
    pub(super) challenge: Option<usize>,
    pub(super) differing: Vec<Pointer>,
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
    Json(usize),
    Digest,
}

pub(super) fn compile(scheme: &Scheme) -> Result<Compiled, SchemeError> {
    check_settings(scheme)?;
    let key = scheme.key.ok_or(SchemeError::NoKey)?;
    let id = match key {
        Place::Header(name) => Some(name),
        _ => None,
    };
    let signed_text = template::parse(scheme.signed_text, id)?;
    check_time(scheme, &signed_text)?;
    if signed_text.contains(&Part::Url) && !scheme.url.as_ref().is_some_and(EndpointUrl::is_absolute) {
        return Err(SchemeError::Url);
    }
    let mut paths = Paths::default();
    let time = match scheme.time {
        Time::None => CompiledTime::None,
        Time::Header(name) => CompiledTime::Header(header(name)?),
        Time::Item(prefix) => CompiledTime::Item(prefix),
        Time::Json(text) => CompiledTime::Json(paths.add(&pointer(text)?)),
    };
    let mut places = Places { scheme, paths: &mut paths };
    let compiled = Compiled {
        signature_headers: scheme
            .headers
            .names()
            .iter()
            .map(|name| header(name))
            .collect::<Result<_, _>>()?,
        key: places.alternatives(&key)?,
        event_type: places.optional(scheme.event_type)?,
        account: places.optional(scheme.account)?,
        challenge: scheme
            .handshake
            .pointer()
            .map(|text| pointer(text).map(|pointer| places.paths.add(&pointer)))
            .transpose()?,
        differing: scheme.differing.iter().map(|text| pointer(text)).collect::<Result<_, _>>()?,
        signed_text,
        time,
        paths,
    };
    check_account(scheme, &compiled)?;
    Ok(compiled)
}

fn check_settings(scheme: &Scheme) -> Result<(), SchemeError> {
    let is_name = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    if scheme.name.is_empty() || !scheme.name.bytes().all(is_name) {
        return Err(SchemeError::Name(scheme.name));
    }
    if scheme.headers.names().is_empty() {
        return Err(SchemeError::NoSignatureHeader);
    }
    if scheme.proof.is_signature() {
        return Ok(());
    }
    let is_list = scheme.separator.is_some() || !matches!(scheme.time, Time::None);
    if scheme.signed_text != BODY || is_list || scheme.encoding != Encoding::Hex {
        return Err(SchemeError::Setting(
            "a token and basic authentication sign nothing: leave out template, items, time and encoding",
        ));
    }
    if scheme.proof == Proof::BasicAuth && !matches!(scheme.headers, Headers::One("authorization")) {
        return Err(SchemeError::Setting("basic authentication is in the authorization header"));
    }
    Ok(())
}

/// A time that the signature does not cover proves nothing.
fn check_time(scheme: &Scheme, signed_text: &[Part]) -> Result<(), SchemeError> {
    let wrong = |reason| SchemeError::Template { template: scheme.signed_text, reason };
    let is_in_text = signed_text.contains(&Part::Timestamp);
    match scheme.time {
        Time::None if is_in_text => {
            Err(wrong("has `{timestamp}`, but the scheme says nowhere where the time is"))
        }
        Time::Header(_) | Time::Item(_) if !is_in_text => {
            Err(wrong("leaves out `{timestamp}`, so any time would pass"))
        }
        Time::Json(_) if is_in_text => Err(wrong("has `{timestamp}`, but the time is in the body")),
        Time::Header(_) | Time::Item(_)
            if scheme.tolerance.is_none() && is_cut_by_age(scheme, signed_text) =>
        {
            Err(wrong("has a header beside a number, where only the age shows the border: set a tolerance"))
        }
        Time::Item(_) if scheme.separator.is_none() => Err(SchemeError::Setting(
            "the time is an item of the signature header, which is no list: call `items`",
        )),
        _ => Ok(()),
    }
}

/// Whether a digit at the end of a header could be moved into the time. A date shows where it begins.
fn is_cut_by_age(scheme: &Scheme, signed_text: &[Part]) -> bool {
    let adjoin = |pair: &[Part]| {
        matches!(pair, [Part::Header(..), Part::Timestamp] | [Part::Timestamp, Part::Header(..)])
    };
    scheme.unit != TimeUnit::Rfc3339 && signed_text.windows(2).any(adjoin)
}

/// With an unsigned account, an attacker could send a captured request again under the same signed key.
fn check_account(scheme: &Scheme, compiled: &Compiled) -> Result<(), SchemeError> {
    let is_any_key_signed = compiled.key.iter().any(|place| place.is_signed);
    let is_account_signed = compiled.account.iter().all(|place| place.is_signed);
    match scheme.account {
        Some(place) if is_any_key_signed && !is_account_signed => Err(SchemeError::Place {
            place,
            reason: "is not signed, so it cannot be the account of a signed key",
        }),
        _ => Ok(()),
    }
}

struct Places<'s, 'p> {
    scheme: &'s Scheme,
    paths: &'p mut Paths,
}

impl Places<'_, '_> {
    fn optional(&mut self, place: Option<Place>) -> Result<Vec<Alternative>, SchemeError> {
        place.map_or_else(|| Ok(Vec::new()), |place| self.alternatives(&place))
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
            return wrong("has an unsigned place before a signed one, which an attacker could add");
        }
        Ok(alternatives)
    }

    fn alternative(&mut self, place: &Place) -> Result<Alternative, SchemeError> {
        let (when, place) = match place {
            Place::When(text, place) => (Some(self.paths.add(&pointer(text)?)), *place),
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

    fn source(&mut self, place: &Place) -> Result<Source, SchemeError> {
        match place {
            Place::Header(name) => header(name).map(Source::Header),
            Place::Json(text) => Ok(Source::Json(self.paths.add(&pointer(text)?))),
            Place::Digest => Ok(Source::Digest),
            Place::Joined(_) | Place::FirstOf(_) | Place::When(..) => {
                Err(SchemeError::Place { place: *place, reason: "is nested too deep" })
            }
        }
    }
}

fn header(name: &'static str) -> Result<HeaderName, SchemeError> {
    HeaderName::from_bytes(name.as_bytes()).map_err(|_| SchemeError::HeaderName(name))
}

fn pointer(text: &'static str) -> Result<Pointer, SchemeError> {
    Pointer::parse(text).ok_or(SchemeError::Pointer(text))
}
