//! The requests that a load sends: an event in Stripe's form, with its key in a header and, if signed, in the body.

use super::signature;
use crate::stores::event_id;

/// The header of the key.
pub const KEY_HEADER: &str = "idempotency-key";
/// The path of the guarded route.
pub const PATH: &str = "/webhooks/stripe";
/// The path that answers how often the handler has run.
pub const EXECUTIONS: &str = "/executions";
/// The digits of a number in an id.
const DIGITS: usize = 12;

/// The size of a body, and whether it is signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Body {
    pub bytes: usize,
    pub signed: bool,
}

impl Body {
    /// An event of usual size. Its key is in a header.
    pub const SMALL: Self = Self { bytes: 3500, signed: false };
    /// An event with many lines, signed by its sender. Its key is in the body.
    pub const LARGE: Self = Self { bytes: 60_000, signed: true };

    /// The event with number 0.
    fn text(self) -> String {
        let mut text = format!(
            "{{\"id\":\"{}\",\"object\":\"event\",\"api_version\":\"2026-01-28\",\"created\":1790000000,\
             \"data\":{{\"object\":{{\"id\":\"in_1MtHbELkdIwHu7ixl4OzzPMv\",\"object\":\"invoice\",\"lines\":[",
            event_id(0)
        );
        let end = "{\"last\":true}]}},\"livemode\":true,\"pending_webhooks\":1,\"type\":\"invoice.paid\"}";
        let line = "{\"id\":\"il_1MtHbELkdIwHu7ixl4OzzPMv\",\"object\":\"line_item\",\"amount\":2000,\
                    \"currency\":\"usd\",\"description\":\"1 × Plan (at $20.00 / month)\"},";
        while text.len() + line.len() + end.len() <= self.bytes {
            text.push_str(line);
        }
        // White space is part of a JSON document wherever a value may start.
        text.push_str(&" ".repeat(self.bytes.saturating_sub(text.len() + end.len())));
        text + end
    }
}

/// One request, which is changed from key to key in place.
pub struct Delivery {
    bytes: Vec<u8>,
    /// Where the number of the key is in the header and in the body.
    numbers: [usize; 2],
    body: usize,
    signed: Option<Signed>,
}

struct Signed {
    time: String,
    /// Where the signature is.
    hex: std::ops::Range<usize>,
}

impl Delivery {
    /// A request with this kind of body, signed at this time in seconds since 1970.
    pub fn new(body: Body, time: u64) -> Self {
        let (text, time) = (body.text(), time.to_string());
        let signature = if body.signed {
            format!("{}: t={time},v1={}\r\n", signature::HEADER, "0".repeat(64))
        } else {
            String::new()
        };
        let head = format!(
            "POST {PATH} HTTP/1.1\r\nhost: 127.0.0.1\r\naccept: */*\r\nuser-agent: Stripe/1.0\r\n\
             content-type: application/json; charset=utf-8\r\ncontent-length: {}\r\n{signature}{KEY_HEADER}: {}\r\n\r\n",
            text.len(),
            event_id(0)
        );
        let hex = head.find("v1=").map(|at| at + 3..at + 3 + 64);
        let signed = hex.map(|hex| Signed { time, hex });
        let prefix = event_id(0).len() - DIGITS;
        let in_head = head.rfind(&event_id(0)).expect("the key is in the head") + prefix;
        let in_body = head.len() + text.find(&event_id(0)).expect("the key is in the body") + prefix;
        let (body, bytes) = (head.len(), (head + &text).into_bytes());
        Self { bytes, numbers: [in_head, in_body], body, signed }
    }

    /// The request with the key of this number.
    ///
    /// # Panics
    /// If the number has more than 12 digits.
    pub fn numbered(&mut self, number: u64) -> &[u8] {
        let digits = format!("{number:0DIGITS$}");
        for at in self.numbers {
            self.bytes[at..at + DIGITS].copy_from_slice(digits.as_bytes());
        }
        if let Some(Signed { time, hex }) = &self.signed {
            let (head, body) = self.bytes.split_at_mut(self.body);
            signature::sign(time, body, &mut head[hex.clone()]);
        }
        &self.bytes
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    /// The value of a header, and the body.
    fn parts<'a>(request: &'a [u8], name: &str) -> (&'a str, &'a [u8]) {
        let text = str::from_utf8(request).expect("it is text");
        let (head, body) = text.split_once("\r\n\r\n").expect("the head ends");
        let value = head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
        (value.expect("there is such a header"), body.as_bytes())
    }

    #[test]
    fn a_body_is_json_of_the_size_that_is_said() {
        for body in [Body::SMALL, Body::LARGE] {
            let mut delivery = Delivery::new(body, 1000);
            let (length, text) = parts(delivery.numbered(7), "content-length");
            assert_eq!((length.parse(), text.len()), (Ok(body.bytes), body.bytes));
            let event: serde_json::Value = serde_json::from_slice(text).expect("it is JSON");
            assert_eq!(event["id"], event_id(7));
        }
    }

    #[test]
    fn header_body_and_signature_change_with_the_number() {
        let mut delivery = Delivery::new(Body::LARGE, 1000);
        for number in [5, 123_456_789_012] {
            let request = delivery.numbered(number).to_vec();
            assert_eq!(parts(&request, KEY_HEADER).0, event_id(number));
            let (header, body) = parts(&request, signature::HEADER);
            let id = signature::verified_id(header, body, Duration::from_secs(1000));
            assert_eq!(id, Some(&*event_id(number)));
        }
    }
}
