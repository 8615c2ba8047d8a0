//! Slots: the slot of a name, and the masters of slots as `CLUSTER SLOTS` lists them.
//!
//! See the Redis Cluster specification, "Key distribution model" and "Hash tags".

use redis::Value;

/// The number of slots in a cluster.
pub(crate) const SLOTS: usize = 16_384;

/// A range of slots, and the address of its master.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Range {
    pub(crate) first: u16,
    pub(crate) last: u16,
    /// Empty for the host that was queried.
    pub(crate) host: String,
    pub(crate) port: u16,
}

/// The slot of a name, or of its hash tag if it has one.
pub(crate) fn of(name: &str) -> usize {
    let tag = name
        .split_once('{')
        .and_then(|(_, rest)| rest.split_once('}'))
        .map(|(tag, _)| tag)
        .filter(|tag| !tag.is_empty());
    usize::from(crc16(tag.unwrap_or(name).as_bytes())) % SLOTS
}

/// CRC-16/XMODEM.
fn crc16(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0, |crc, byte| {
        (0..8).fold(crc ^ u16::from(*byte) << 8, |crc, _| match crc & 0x8000 {
            0 => crc << 1,
            _ => crc << 1 ^ 0x1021,
        })
    })
}

/// Reads the reply to `CLUSTER SLOTS`. `None` if it has an unexpected form. Omits ranges whose master has no known
/// address.
pub(crate) fn ranges(reply: Value) -> Option<Vec<Range>> {
    let Value::Array(entries) = reply else { return None };
    let mut ranges = Vec::with_capacity(entries.len());
    for entry in entries {
        let Value::Array(entry) = entry else { return None };
        let [Value::Int(first), Value::Int(last), Value::Array(master), ..] = entry.as_slice() else {
            return None;
        };
        let [host, Value::Int(port), ..] = master.as_slice() else { return None };
        let host = match host {
            Value::BulkString(host) => String::from_utf8(host.clone()).ok()?,
            Value::SimpleString(host) => host.clone(),
            Value::Nil => String::new(),
            _ => return None,
        };
        let number = |number: &i64| u16::try_from(*number).ok();
        let range = Range { first: number(first)?, last: number(last)?, host, port: number(port)? };
        if range.first > range.last || usize::from(range.last) >= SLOTS {
            return None;
        }
        if range.host != "?" {
            ranges.push(range);
        }
    }
    Some(ranges)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_match_the_specification() {
        assert_eq!(crc16(b"123456789"), 0x31c3);
        assert_eq!(of("foo"), 12_182);
        assert_eq!(of("{user1000}.following"), of("{user1000}.followers"));
        assert_eq!(of("foo{}{bar}"), usize::from(crc16(b"foo{}{bar}")) % SLOTS);
        assert_eq!(of("foo{{bar}}zap"), usize::from(crc16(b"{bar")) % SLOTS);
        assert_eq!(of("foo{bar}{zap}"), of("bar"));
    }

    #[test]
    fn a_reply_of_another_form_is_refused_and_masters_without_an_address_are_omitted() {
        let text = |text: &str| Value::BulkString(text.into());
        let entry = |first, last, host| {
            let master = Value::Array(vec![host, Value::Int(7000), text("id")]);
            Value::Array(vec![Value::Int(first), Value::Int(last), master])
        };
        let reply =
            Value::Array(vec![entry(0, 5, text("h")), entry(6, 7, Value::Nil), entry(8, 9, text("?"))]);
        let range = |first, last, host: &str| Range { first, last, host: host.to_owned(), port: 7000 };
        let plain = Value::Array(vec![entry(0, 5, Value::SimpleString("h".to_owned()))]);
        assert_eq!(ranges(plain), Some(vec![range(0, 5, "h")]));
        assert_eq!(ranges(reply), Some(vec![range(0, 5, "h"), range(6, 7, "")]));
        let one = Value::Array(vec![entry(5, 5, text("h"))]);
        assert_eq!(ranges(one), Some(vec![range(5, 5, "h")]));
        assert_eq!(ranges(Value::Array(vec![entry(0, 16_384, text("h"))])), None);
        assert_eq!(ranges(Value::Array(vec![entry(-1, 5, text("h"))])), None);
        assert_eq!(ranges(Value::Array(vec![entry(5, 3, text("h"))])), None);
        assert_eq!(ranges(Value::Okay), None);
    }
}
