//! The check of a request: signature, token or credentials.

use std::time::Duration;

use data_encoding::BASE64;
use http::{HeaderName, HeaderValue};
use subtle::ConstantTimeEq as _;

use super::compile::{Compiled, CompiledTime};
use super::public_key::KeyPair;
use super::template::Part;
use super::{Proof, Scheme, time};
use crate::Verified;
use crate::provider::signature::{self, Algorithm};
use crate::provider::{Incoming, Rejection, Secret};

/// What a sender signs with.
enum Signer {
    Secret(Algorithm),
    KeyPair(KeyPair),
}

/// Checks a request by any of the secrets. A time in the body is not checked here.
pub(super) fn verify<'a>(
    scheme: &Scheme,
    compiled: &Compiled,
    tolerance: Option<Duration>,
    secrets: &[Secret],
    incoming: &Incoming<'a>,
) -> Result<Verified<'a>, Rejection> {
    let values = signature_values(scheme, compiled, incoming)?;
    // Other values match no signature.
    let lines: Vec<_> = values.iter().filter_map(|value| value.to_str().ok()).collect();
    let signer = match scheme.proof {
        Proof::HmacSha1 => Signer::Secret(Algorithm::Sha1),
        Proof::HmacSha256 => Signer::Secret(Algorithm::Sha256),
        Proof::HmacSha512 => Signer::Secret(Algorithm::Sha512),
        Proof::Ed25519 => Signer::KeyPair(KeyPair::Ed25519),
        #[cfg(feature = "p256")]
        Proof::EcdsaP256 => Signer::KeyPair(KeyPair::P256),
        Proof::Token => return by_token(scheme.prefix, &values, secrets, incoming.body),
        Proof::BasicAuth => return by_credentials(&lines, secrets, incoming.body),
    };
    let timestamp = match &compiled.time {
        CompiledTime::None | CompiledTime::Json(_) => "",
        CompiledTime::Header(name) => required(incoming, name)?,
        CompiledTime::Item(prefix) => only_item(scheme, &lines, prefix)?,
    };
    if !matches!(compiled.time, CompiledTime::None | CompiledTime::Json(_)) {
        check_time(scheme, compiled, timestamp, tolerance, incoming)?;
    }
    let mut parts = Vec::with_capacity(compiled.signed_text.len());
    for part in &compiled.signed_text {
        parts.push(match part {
            Part::Text(text) => text.as_bytes(),
            Part::Body(_) => &incoming.body[..],
            Part::Timestamp => timestamp.as_bytes(),
            Part::Url => scheme.url.as_ref().map_or(&b""[..], |url| url.as_str().as_bytes()),
            Part::Method => incoming.method.as_str().as_bytes(),
            Part::Header(name, _) => required(incoming, name)?.as_bytes(),
        });
    }
    let items = lines.iter().flat_map(|line| items(scheme, line));
    let candidates = items.filter_map(|item| item.strip_prefix(scheme.prefix));
    let (encoding, body) = (scheme.encoding, incoming.body);
    let proof = match signer {
        Signer::Secret(algorithm) => {
            signature::hmac_over(algorithm, secrets, &parts, candidates, &encoding.alphabet(), body)?
        }
        Signer::KeyPair(pair) => pair.verify(secrets, &parts.concat(), candidates, encoding, body)?,
    };
    check_borders(&compiled.signed_text, incoming)?;
    Ok(proof)
}

impl Scheme {
    /// The HMAC-SHA256 of a text, as it would be in the signature header.
    pub(super) fn signature_of(&self, text: &str, secret: &Secret) -> String {
        let mac = signature::mac_sha256(secret, text.as_bytes());
        format!("{}{}", self.prefix, self.encoding.alphabet().encode(&mac))
    }
}

/// Refuses a signed text that could be cut into other parts. See [`super::template::parse`].
fn check_borders(signed_text: &[Part], incoming: &Incoming<'_>) -> Result<(), Rejection> {
    for part in signed_text {
        match part {
            Part::Header(name, border) if !border.admits(required(incoming, name)?) => {
                let refused = Rejection::malformed(
                    "a signed header contains a separator or a character that makes the signed text ambiguous",
                );
                return Err(refused.about_header(name.as_str().to_owned()));
            }
            Part::Body(borders) if !borders.admit(incoming.body) => {
                return Err(Rejection::malformed(
                    "the body begins or ends with a character that makes the signed text ambiguous",
                ));
            }
            _ => {}
        }
    }
    Ok(())
}

pub(super) fn check_time(
    scheme: &Scheme,
    compiled: &Compiled,
    timestamp: &str,
    tolerance: Option<Duration>,
    incoming: &Incoming<'_>,
) -> Result<(), Rejection> {
    let unreadable = || Rejection::unauthenticated("the timestamp has an unexpected format");
    if compiled.time_digits.is_some_and(|digits| timestamp.len() != digits) {
        return Err(unreadable());
    }
    let unit = scheme.unit();
    let time = time::parse(timestamp, unit).ok_or_else(unreadable)?;
    time::fresh(time, unit, incoming.now, tolerance, scheme.is_past_only)
}

/// The values of the signature headers.
fn signature_values<'a>(
    scheme: &Scheme,
    compiled: &Compiled,
    incoming: &Incoming<'a>,
) -> Result<Vec<&'a HeaderValue>, Rejection> {
    let mut values = Vec::with_capacity(1);
    for name in &compiled.signature_headers {
        if !scheme.is_repeatable {
            // Refuses a repeated header.
            incoming.single_header(name.as_str())?;
        }
        values.extend(incoming.headers.get_all(name).iter().filter(|value| !value.is_empty()));
    }
    match (values.is_empty(), compiled.signature_headers.first()) {
        (true, Some(name)) => Err(Rejection::missing_header(name.as_str().to_owned())),
        _ => Ok(values),
    }
}

fn items<'a>(scheme: &Scheme, line: &'a str) -> impl Iterator<Item = &'a str> + Clone {
    let (separator, line) = match scheme.separator {
        Some(separator) => (separator, line),
        // No header value has this character.
        None => ('\0', line),
    };
    let is_list = scheme.separator.is_some();
    let is_comma_beside_space = move |end: char| end == ',' && separator == ' ';
    line.split(separator).map(move |item| match is_list {
        true => item.trim_matches(' ').trim_end_matches(is_comma_beside_space),
        false => item,
    })
}

/// The only item with a prefix. With two of them, it would be unclear which one was signed.
fn only_item<'a>(scheme: &Scheme, lines: &[&'a str], prefix: &str) -> Result<&'a str, Rejection> {
    let mut found =
        lines.iter().flat_map(|line| items(scheme, line)).filter_map(|item| item.strip_prefix(prefix));
    match (found.next(), found.next()) {
        (Some(item), None) => Ok(item),
        _ => Err(Rejection::unauthenticated("the signature header has no timestamp, or more than one")),
    }
}

fn required<'a>(incoming: &Incoming<'a>, name: &HeaderName) -> Result<&'a str, Rejection> {
    let value = incoming.single_header(name.as_str())?.filter(|value| !value.is_empty());
    value.ok_or_else(|| Rejection::missing_header(name.as_str().to_owned()))
}

fn by_token<'a>(
    prefix: &str,
    values: &[&HeaderValue],
    secrets: &[Secret],
    body: &'a [u8],
) -> Result<Verified<'a>, Rejection> {
    // As bytes, because a token may have letters that are not ASCII.
    let tokens = values.iter().filter_map(|value| value.as_bytes().strip_prefix(prefix.as_bytes()));
    let is_known = tokens.fold(false, |is_known, token| is_known | is_any_of(secrets, token));
    vouched(is_known, body)
}

fn by_credentials<'a>(lines: &[&str], secrets: &[Secret], body: &'a [u8]) -> Result<Verified<'a>, Rejection> {
    let credentials = lines.iter().filter_map(|line| {
        let (scheme, credentials) = line.split_once(' ')?;
        // RFC 9110, section 11.1: the name of a scheme has no case.
        let credentials =
            scheme.eq_ignore_ascii_case("basic").then_some(credentials.trim_start_matches(' '))?;
        BASE64.decode(credentials.as_bytes()).ok()
    });
    let is_known =
        credentials.fold(false, |is_known, credentials| is_known | is_any_of(secrets, &credentials));
    vouched(is_known, body)
}

/// Compares in constant time, but for the length, and without an early exit.
fn is_any_of(secrets: &[Secret], value: &[u8]) -> bool {
    secrets.iter().fold(false, |is_known, secret| is_known | bool::from(secret.expose().ct_eq(value)))
}

fn vouched(is_known: bool, body: &[u8]) -> Result<Verified<'_>, Rejection> {
    if is_known {
        Ok(Verified::by_other_means(body))
    } else {
        Err(Rejection::unauthenticated("the token or the credentials do not match"))
    }
}
