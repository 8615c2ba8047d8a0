//! Stripe's signature by hand, for the load and for the servers without this library.

use std::time::Duration;

use data_encoding::HEXLOWER;
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde::Deserialize;
use sha2::Sha256;

/// The secret that the load signs with.
pub const SECRET: &str = "whsec_measured";
/// The header of the signature.
pub const HEADER: &str = "stripe-signature";
/// How old a signature may be.
const TOLERANCE: Duration = Duration::from_secs(300);

/// The HMAC of a body that was signed at this time.
fn hmac(time: &str, body: &[u8]) -> Hmac<Sha256> {
    let mut hmac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()).expect("it takes any secret");
    hmac.update(time.as_bytes());
    hmac.update(b".");
    hmac.update(body);
    hmac
}

/// Writes the signature of a body in hexadecimal digits.
pub fn sign(time: &str, body: &[u8], hex: &mut [u8]) {
    HEXLOWER.encode_mut(&hmac(time, body).finalize().into_bytes(), hex);
}

/// Checks the signature header of a body, and returns the id of its event.
pub fn verified_id<'a>(header: &str, body: &'a [u8], now: Duration) -> Option<&'a str> {
    #[derive(Deserialize)]
    struct Event<'a> {
        id: &'a str,
    }

    let (time, hex) = header.strip_prefix("t=")?.split_once(",v1=")?;
    let age = now.checked_sub(Duration::from_secs(time.parse().ok()?))?;
    let signature = HEXLOWER.decode(hex.as_bytes()).ok()?;
    hmac(time, body).verify_slice(&signature).ok().filter(|()| age <= TOLERANCE)?;
    serde_json::from_slice::<Event<'_>>(body).ok().map(|event| event.id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_is_good_for_its_body_its_time_and_five_minutes() {
        let body = br#"{"object":"event","id":"evt_1"}"#;
        let mut hex = [0; 64];
        sign("1000", body, &mut hex);
        let header = format!("t=1000,v1={}", str::from_utf8(&hex).unwrap());
        let at = |seconds| Duration::from_secs(seconds);
        assert_eq!(verified_id(&header, body, at(1300)), Some("evt_1"));
        assert_eq!(verified_id(&header, body, at(1301)), None);
        assert_eq!(verified_id(&header, br#"{"object":"event","id":"evt_2"}"#, at(1000)), None);
        assert_eq!(verified_id(&header.replace("t=1000", "t=1001"), body, at(1001)), None);
    }
}
