//! Signature checks. Each returns a [`Verified`] of the signed bytes.
//!
//! An HMAC check tries every secret with every candidate signature, in constant time and without an early exit. Its timing
//! does not reveal which secret matched, or how much of a signature was right.
//!
//! A check with a public key stops at the first match, because public keys are not secret. It tries at most the first eight
//! signatures of a request, because each try costs a digest of the whole body.
//!
//! ```
//! use idempotency_core::provider::{Incoming, Rejection, Secret, signature};
//! use idempotency_core::Verified;
//!
//! fn verify<'a>(incoming: &Incoming<'a>, secrets: &[Secret]) -> Result<Verified<'a>, Rejection> {
//!     let header = signature::header(incoming, "x-acme-signature")?;
//!     signature::hmac_sha256(secrets, &[], incoming.body, signature::hex::<32>(header))
//! }
//! ```

use std::time::Duration;

use data_encoding::{BASE64, Encoding, HEXLOWER};
use ed25519_dalek::VerifyingKey;
use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;
use sha2::{Sha256, Sha512};

use super::{Incoming, Rejection, Secret};
use crate::Verified;

/// The allowed clock skew of a signed timestamp, in either direction: 300 s, as in the senders' own libraries.
pub const DEFAULT_TOLERANCE: Duration = Duration::from_secs(300);

/// Verifies a body by an HMAC-SHA256 over the parts of `head`, followed by the body.
///
/// # Errors
/// [`Rejection::unauthenticated`] if no candidate matches under any of the secrets.
pub fn hmac_sha256<'a, C>(
    secrets: &[Secret],
    head: &[&[u8]],
    body: &'a [u8],
    candidates: C,
) -> Result<Verified<'a>, Rejection>
where
    C: IntoIterator<Item: AsRef<[u8]>> + Clone,
{
    prove::<Hmac<Sha256>, _>(secrets, head.iter().copied().chain([body]), candidates, body)
}

/// Verifies a body by an HMAC-SHA1 over parts derived from it, for senders that sign something other than the body's bytes.
/// Never a proof of all of the body.
pub(super) fn hmac_sha1_over<'a, C>(
    secrets: &[Secret],
    parts: &[&[u8]],
    candidates: C,
    body: &'a [u8],
) -> Result<Verified<'a>, Rejection>
where
    C: IntoIterator<Item: AsRef<[u8]>> + Clone,
{
    prove::<Hmac<Sha1>, _>(secrets, parts.iter().copied(), candidates, body)?;
    Ok(Verified::by_other_means(body))
}

/// The hash function of an HMAC.
#[derive(Clone, Copy, Debug)]
pub(super) enum Algorithm {
    Sha1,
    Sha256,
    Sha512,
}

/// Verifies a body by an HMAC over parts, of which it may be one. The candidates are encoded.
pub(super) fn hmac_over<'a, 't>(
    algorithm: Algorithm,
    secrets: &[Secret],
    parts: &[&[u8]],
    candidates: impl Iterator<Item = &'t str>,
    encoding: &Encoding,
    body: &'a [u8],
) -> Result<Verified<'a>, Rejection> {
    fn decoded<'t, const N: usize>(
        candidates: impl Iterator<Item = &'t str>,
        encoding: &Encoding,
    ) -> Vec<[u8; N]> {
        candidates.filter_map(|candidate| decode(encoding, candidate)).collect()
    }
    let parts = parts.iter().copied();
    match algorithm {
        Algorithm::Sha1 => prove::<Hmac<Sha1>, _>(secrets, parts, &decoded::<20>(candidates, encoding), body),
        Algorithm::Sha256 => {
            prove::<Hmac<Sha256>, _>(secrets, parts, &decoded::<32>(candidates, encoding), body)
        }
        Algorithm::Sha512 => {
            prove::<Hmac<Sha512>, _>(secrets, parts, &decoded::<64>(candidates, encoding), body)
        }
    }
}

/// The HMAC-SHA256 of a text, for a sender that has it sent back.
pub(super) fn mac_sha256(secret: &Secret, text: &[u8]) -> [u8; 32] {
    let mut mac =
        <Hmac<Sha256> as KeyInit>::new_from_slice(secret.expose()).expect("hmac takes keys of any length");
    mac.update(text);
    mac.finalize().into_bytes().into()
}

/// The HMAC-SHA1 of a text, for a sender that has it sent back.
pub(super) fn mac_sha1(secret: &Secret, text: &[u8]) -> [u8; 20] {
    let mut mac =
        <Hmac<Sha1> as KeyInit>::new_from_slice(secret.expose()).expect("hmac takes keys of any length");
    mac.update(text);
    mac.finalize().into_bytes().into()
}

fn prove<'a, 'p, M, C>(
    secrets: &[Secret],
    mut parts: impl Iterator<Item = &'p [u8]> + Clone,
    candidates: C,
    body: &'a [u8],
) -> Result<Verified<'a>, Rejection>
where
    M: Mac + KeyInit + Clone,
    C: IntoIterator<Item: AsRef<[u8]>> + Clone,
{
    let mut matches = false;
    for secret in secrets {
        let mut mac = <M as KeyInit>::new_from_slice(secret.expose()).expect("hmac takes keys of any length");
        parts.clone().for_each(|part| mac.update(part));
        for candidate in candidates.clone() {
            // Checks the length, then compares in constant time. `|` and not `||`: no early exit.
            matches |= mac.clone().verify_slice(candidate.as_ref()).is_ok();
        }
    }
    // Parts that are only read from the body may leave out some of it.
    match (matches, parts.any(|part| std::ptr::eq(part, body))) {
        (true, true) => Ok(Verified::by_signature(body)),
        (true, false) => Ok(Verified::by_other_means(body)),
        (false, _) => Err(Rejection::unauthenticated("no signature matches")),
    }
}

/// Verifies a body by an Ed25519 signature (RFC 8032) over a message that must cover the whole body. Weak keys and malleable
/// signatures are refused.
///
/// # Errors
/// [`Rejection::unauthenticated`] if no candidate matches under any of the keys.
pub(super) fn ed25519<'a>(
    keys: &[VerifyingKey],
    message: &[u8],
    body: &'a [u8],
    candidates: impl Iterator<Item = [u8; 64]> + Clone,
) -> Result<Verified<'a>, Rejection> {
    let matches = |key: &VerifyingKey, candidate: &[u8; 64]| {
        key.verify_strict(message, &ed25519_dalek::Signature::from_bytes(candidate)).is_ok()
    };
    if keys.iter().any(|key| candidates.clone().any(|candidate| matches(key, &candidate))) {
        Ok(Verified::by_signature(body))
    } else {
        Err(Rejection::unauthenticated("no signature matches"))
    }
}

/// The value of a header that a signature check needs.
///
/// # Errors
/// [`Rejection::unauthenticated`] if it is absent, empty or not ASCII text; [`Rejection::malformed`] if it is repeated.
pub fn header<'a>(incoming: &Incoming<'a>, name: &'static str) -> Result<&'a str, Rejection> {
    incoming
        .single_header(name)?
        .filter(|value| !value.is_empty())
        .ok_or_else(|| Rejection::missing_header(name))
}

/// Checks that a signed timestamp, in whole seconds since 1970, is within `tolerance` of `now`, in either direction.
///
/// # Errors
/// [`Rejection::unauthenticated`] if it is outside the tolerance, or has anything but decimal digits.
pub fn fresh(timestamp: &str, now: Duration, tolerance: Duration) -> Result<(), Rejection> {
    let seconds = digits(timestamp).ok_or(Rejection::unauthenticated("the timestamp is not a number"))?;
    if seconds.abs_diff(now.as_secs()) > tolerance.as_secs() {
        return Err(Rejection::unauthenticated("the timestamp is outside the tolerance"));
    }
    Ok(())
}

/// Checks that a signed RFC 3339 date is within `tolerance` of `now`, in either direction.
#[cfg(feature = "public-keys")]
pub(super) fn fresh_date(date: &str, now: Duration, tolerance: Duration) -> Result<(), Rejection> {
    let date: Option<jiff::Timestamp> = date.parse().ok();
    let since_1970 = date.and_then(|date| Duration::try_from(date.as_duration()).ok());
    match since_1970.is_some_and(|date| date.abs_diff(now) <= tolerance) {
        true => Ok(()),
        false => {
            Err(Rejection::unauthenticated("the signed time is not a date, or is outside the tolerance"))
        }
    }
}

/// A number that is written in decimal digits only, without a sign or white space.
pub(super) fn digits(text: &str) -> Option<u64> {
    if text.bytes().all(|byte| byte.is_ascii_digit()) { text.parse().ok() } else { None }
}

/// Decodes a signature of `N` bytes from lower-case hexadecimal. `None` if the text is anything else.
#[must_use]
pub fn hex<const N: usize>(text: &str) -> Option<[u8; N]> {
    decode(&HEXLOWER, text)
}

/// Decodes a signature of `N` bytes from padded base64 (RFC 4648, section 4). `None` if the text is anything else.
#[must_use]
pub fn base64<const N: usize>(text: &str) -> Option<[u8; N]> {
    decode(&BASE64, text)
}

/// Decodes an RSA signature of at most 8192 bits from padded base64.
#[cfg(feature = "public-keys")]
pub(super) fn rsa(text: &str) -> Result<Vec<u8>, Rejection> {
    let bytes =
        Some(text).filter(|text| text.len() <= 1_368).and_then(|text| BASE64.decode(text.as_bytes()).ok());
    bytes.ok_or(Rejection::unauthenticated("the signature is not base64"))
}

fn decode<const N: usize>(encoding: &Encoding, text: &str) -> Option<[u8; N]> {
    // The decoder's estimate counts padding as data, so it may exceed the length by up to two bytes.
    let estimate = encoding.decode_len(text.len()).ok()?;
    let mut buffer = [0; 66];
    let len = encoding.decode_mut(text.as_bytes(), buffer.get_mut(..estimate)?).ok()?;
    buffer[..len].try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::provider::RejectionKind;

    #[test]
    fn a_signature_of_another_length_or_alphabet_is_none() {
        let text = "5f54147d5adc7ab7db1485ab501b32686809d559f50efef1614939d76af082cb";
        assert!(hex::<32>(text).is_some());
        assert!((0..text.len()).all(|len| hex::<32>(&text[..len]).is_none()));
        assert!(hex::<32>(&text.to_uppercase()).is_none());
        assert!(hex::<32>(&format!("{text}00")).is_none());
        assert!(hex::<32>(&"00".repeat(10_000)).is_none());
        let text = BASE64.encode(&[7; 20]);
        assert_eq!(base64::<20>(&text), Some([7; 20]));
        assert!((0..text.len()).all(|len| base64::<20>(&text[..len]).is_none()));
        assert_eq!(base64::<64>(&BASE64.encode(&[9; 64])), Some([9; 64]));
    }

    #[test]
    fn base64_with_unused_bits_set_is_none() {
        assert!(base64::<1>("AA==").is_some());
        assert!(base64::<1>("AB==").is_none());
    }

    #[test]
    fn a_timestamp_is_fresh_up_to_the_tolerance_in_both_directions() {
        let now = Duration::from_secs(1_000);
        for (timestamp, expected) in [("700", true), ("699", false), ("1300", true), ("1301", false)] {
            assert_eq!(fresh(timestamp, now, DEFAULT_TOLERANCE).is_ok(), expected, "{timestamp}");
        }
    }

    #[test]
    fn an_extreme_timestamp_neither_overflows_nor_passes() {
        for timestamp in
            ["", " ", "0", "-1", "+1000", " 1000", "1000 ", "1e3", "1000.0", "18446744073709551615"]
                .into_iter()
                .chain(["18446744073709551616", "99999999999999999999999999", "１０００", "0x3e8"])
        {
            let checked = fresh(timestamp, Duration::from_secs(1_000), DEFAULT_TOLERANCE);
            assert!(checked.is_err(), "{timestamp}");
        }
        assert!(fresh("0", Duration::MAX, DEFAULT_TOLERANCE).is_err());
        assert!(fresh("18446744073709551615", Duration::MAX, Duration::ZERO).is_ok());
    }

    #[test]
    fn any_secret_and_any_candidate_may_match() {
        let secrets = [Secret::new("old").unwrap(), Secret::new("new").unwrap()];
        let sign = |secret: &str| -> [u8; 32] {
            let mut mac = <Hmac<Sha256> as KeyInit>::new_from_slice(secret.as_bytes()).unwrap();
            mac.update(b"body");
            mac.finalize().into_bytes().into()
        };
        for secret in ["old", "new"] {
            assert!(hmac_sha256(&secrets, &[], b"body", [[0; 32], sign(secret)]).is_ok());
            assert!(hmac_sha256(&secrets, &[b"bo"], b"dy", [sign(secret), [0; 32]]).is_ok());
        }
        let refused = RejectionKind::Unauthenticated;
        assert_eq!(hmac_sha256(&secrets, &[], b"body", [sign("other")]).unwrap_err().kind(), refused);
        assert_eq!(hmac_sha256(&secrets, &[], b"body", [&sign("old")[..31]]).unwrap_err().kind(), refused);
        assert_eq!(hmac_sha256(&secrets, &[], b"body", None::<[u8; 32]>).unwrap_err().kind(), refused);
        assert_eq!(hmac_sha256(&secrets, &[], b"body", [b""]).unwrap_err().kind(), refused);
        assert_eq!(hmac_sha256(&[], &[], b"body", [sign("old")]).unwrap_err().kind(), refused);
    }
}
