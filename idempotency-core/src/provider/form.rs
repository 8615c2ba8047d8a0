//! Reads the fields of an `application/x-www-form-urlencoded` body as bytes.

use std::borrow::Cow;

use memchr::{memchr, memchr2};

/// A name and its value.
pub(crate) type Field<'a> = (Cow<'a, [u8]>, Cow<'a, [u8]>);

/// The decoded names and values of a form, in order.
///
/// They are bytes, because text that is not UTF-8 must reach the signature check unchanged, without replacement characters.
pub(crate) fn fields(body: &[u8]) -> impl Iterator<Item = Field<'_>> {
    pairs(body).map(|(name, value)| (decoded(name), decoded(value)))
}

/// The same, decoded into a buffer that is as long as the body.
pub(super) fn fields_in<'b>(
    body: &'b [u8],
    mut buffer: &'b mut [u8],
) -> impl Iterator<Item = (&'b [u8], &'b [u8])> {
    let mut next = move |text| {
        let len = decode(text, buffer);
        let (decoded, rest) = std::mem::take(&mut buffer).split_at_mut(len);
        buffer = rest;
        &*decoded
    };
    pairs(body).map(move |(name, value)| (next(name), next(value)))
}

/// The names and values of a form before they are decoded.
fn pairs(body: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> {
    let mut rest = body;
    let pairs = std::iter::from_fn(move || {
        let (pair, after) = (!rest.is_empty()).then(|| split_at(b'&', rest))?;
        rest = after;
        Some(pair)
    });
    pairs.filter(|pair| !pair.is_empty()).map(|pair| split_at(b'=', pair))
}

/// The text before the first such byte, and the text after it.
fn split_at(byte: u8, text: &[u8]) -> (&[u8], &[u8]) {
    memchr(byte, text).map_or((text, b""), |at| (&text[..at], &text[at + 1..]))
}

/// The value of a field, as text. `None` if the field is absent, not UTF-8 or repeated.
pub(super) fn single(body: &[u8], name: &str) -> Option<String> {
    let mut values = fields(body).filter(|(candidate, _)| candidate.as_ref() == name.as_bytes());
    let (_, value) = values.next()?;
    if values.next().is_some() {
        return None;
    }
    String::from_utf8(value.into_owned()).ok()
}

/// A text with its percent-encoding decoded, in which a `+` is a `+`.
pub(super) fn percent_decoded(text: &[u8]) -> Vec<u8> {
    let parts = text.split(|&byte| byte == b'+').map(decoded);
    parts.collect::<Vec<_>>().join(&b'+')
}

fn decoded(text: &[u8]) -> Cow<'_, [u8]> {
    if memchr2(b'+', b'%', text).is_none() {
        return Cow::Borrowed(text);
    }
    let mut bytes = vec![0; text.len()];
    let len = decode(text, &mut bytes);
    bytes.truncate(len);
    Cow::Owned(bytes)
}

/// Decodes a text into a buffer of at least its length. Returns the decoded length.
fn decode(text: &[u8], buffer: &mut [u8]) -> usize {
    let (mut rest, mut len) = (text, 0);
    loop {
        let at = memchr(b'%', rest).unwrap_or(rest.len());
        for (slot, &byte) in buffer[len..].iter_mut().zip(&rest[..at]) {
            *slot = if byte == b'+' { b' ' } else { byte };
        }
        len += at;
        let byte;
        (byte, rest) = match &rest[at..] {
            [] => return len,
            [_, high, low, tail @ ..] if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => {
                ((nibble(*high) << 4) | nibble(*low), tail)
            }
            [percent, tail @ ..] => (*percent, tail),
        };
        buffer[len] = byte;
        len += 1;
    }
}

fn nibble(digit: u8) -> u8 {
    match digit {
        b'0'..=b'9' => digit - b'0',
        _ => (digit | 0x20) - b'a' + 10,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_values_are_decoded_to_bytes() {
        let body = b"a=1&b+c=%2B%fF&&d&=e&%4=%zz&f==";
        let read: Vec<_> = fields(body).map(|(n, v)| (n.into_owned(), v.into_owned())).collect();
        let expected: [(&[u8], &[u8]); 6] =
            [(b"a", b"1"), (b"b c", b"+\xff"), (b"d", b""), (b"", b"e"), (b"%4", b"%zz"), (b"f", b"=")];
        assert_eq!(read, expected.map(|(n, v)| (n.to_vec(), v.to_vec())));
    }

    #[test]
    fn a_percent_sign_without_two_digits_is_itself() {
        for (text, expected) in [
            ("%", "%"),
            ("%4", "%4"),
            ("%4+", "%4 "),
            ("%%41", "%A"),
            ("%4%31", "%41"),
            ("+%2B+", " + "),
            ("%41%42C", "ABC"),
        ] {
            assert_eq!(*decoded(text.as_bytes()), *expected.as_bytes(), "{text}");
        }
    }

    #[test]
    fn fields_in_a_buffer_are_the_same() {
        let body = b"&a=1&b+c=%2B%fF&&d&=e&%4=%zz&f==&%41%42+C";
        let mut buffer = vec![0; body.len()];
        let read: Vec<_> = fields_in(body, &mut buffer).map(|(n, v)| (n.to_vec(), v.to_vec())).collect();
        let expected: Vec<_> = fields(body).map(|(n, v)| (n.into_owned(), v.into_owned())).collect();
        assert_eq!(read, expected);
        assert_eq!(fields_in(b"", &mut []).next(), None);
    }

    #[test]
    fn a_plus_is_a_space_in_forms_only() {
        assert_eq!(percent_decoded(b"a+b%20%2B%E2%82%AC%zz"), "a+b +€%zz".as_bytes());
        assert_eq!(percent_decoded(b"+"), b"+");
    }

    #[test]
    fn a_field_that_is_repeated_or_not_utf_8_has_no_single_value() {
        assert_eq!(single(b"a=1&b=2", "b").as_deref(), Some("2"));
        assert_eq!(single(b"a=1&a=1", "a"), None);
        assert_eq!(single(b"a=%ff", "a"), None);
    }
}
