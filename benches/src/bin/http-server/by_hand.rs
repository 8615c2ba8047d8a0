//! A delivery that is guarded by hand, or only checked: what both frameworks have in common.

use std::sync::LazyLock;
use std::time::{SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use idempotency_benches::floors::{Attempt, Found, HandWritten};
use idempotency_benches::http::signature;
use idempotency_benches::http::variant::Form;
use idempotency_benches::stores::owner;

use crate::handler;

/// The header that says that an answer is a replay.
pub const REPLAYED: &str = "idempotent-replayed";

/// What a sender gets.
pub enum Reply {
    /// The handler's answer.
    Executed,
    Replayed(Recorded),
    InFlight,
    /// The key is missing, or the signature is wrong.
    Refused,
}

/// A recorded answer: the digits of its status, its content type and its body.
pub struct Recorded {
    pub status: u16,
    pub content_type: Bytes,
    pub body: Bytes,
}

/// The key of a delivery.
pub fn key<'a>(
    form: Form,
    header: Option<&'a str>,
    signature: Option<&'a str>,
    body: &'a [u8],
) -> Option<&'a str> {
    if form != Form::Stripe {
        return header;
    }
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("it is later than 1970");
    signature::verified_id(signature?, body, now)
}

/// Executes a delivery without a guard.
pub fn unguarded(key: Option<&str>, body: &[u8]) -> Reply {
    if key.is_none() {
        return Reply::Refused;
    }
    handler::execute(body);
    Reply::Executed
}

/// Executes a delivery once, and replays its answer afterwards.
pub async fn once<H: HandWritten>(floor: &H, key: Option<&str>, body: &[u8]) -> Reply {
    /// Names this process, as hand-written code does.
    static OWNER: LazyLock<[u8; 16]> = LazyLock::new(|| *owner().as_bytes());
    let Some(key) = key else { return Reply::Refused };
    let attempt = Attempt { key: key.as_bytes(), text: key, owner: &*OWNER };
    match floor.claim(attempt).await {
        Found::Nothing => {
            handler::execute(body);
            floor.complete(attempt, &record(200, handler::CONTENT_TYPE, handler::ANSWER)).await;
            Reply::Executed
        }
        Found::InFlight => Reply::InFlight,
        Found::Completed(outcome) => Reply::Replayed(recorded(&outcome).expect("it was recorded here")),
    }
}

fn record(status: u16, content_type: &str, body: &str) -> Bytes {
    format!("{status}{content_type}\n{body}").into()
}

fn recorded(outcome: &Bytes) -> Option<Recorded> {
    let end = outcome.iter().position(|byte| *byte == b'\n')?;
    let status = str::from_utf8(outcome.get(..3)?).ok()?.parse().ok()?;
    Some(Recorded { status, content_type: outcome.slice(3..end), body: outcome.slice(end + 1..) })
}

#[cfg(test)]
mod tests {
    use idempotency_benches::floors::PlainMap;

    use super::*;

    #[tokio::test]
    async fn a_duplicate_gets_the_recorded_answer() {
        let floor = PlainMap::default();
        assert!(matches!(once(&floor, None, b"").await, Reply::Refused));
        assert!(matches!(once(&floor, Some("k"), b"").await, Reply::Executed));
        let Reply::Replayed(recorded) = once(&floor, Some("k"), b"").await else {
            panic!("the second delivery is a duplicate");
        };
        assert_eq!(recorded.status, 200);
        assert_eq!(
            (&*recorded.content_type, &*recorded.body),
            (&b"application/json"[..], &b"{\"received\":true}"[..])
        );
    }
}
