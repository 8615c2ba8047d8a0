//! Reads the fields of an `application/x-www-form-urlencoded` body as bytes.

use std::borrow::Cow;

/// A name and its value.
pub(crate) type Field<'a> = (Cow<'a, [u8]>, Cow<'a, [u8]>);

/// The decoded names and values of a form, in order.
///
/// They are bytes, because text that is not UTF-8 must reach the signature check unchanged, without replacement characters.
pub(crate) fn fields(body: &[u8]) -> impl Iterator<Item = Field<'_>> {
    body.split(|&byte| byte == b'&').filter(|pair| !pair.is_empty()).map(|pair| {
        let at = pair.iter().position(|&byte| byte == b'=');
        let (name, value) = at.map_or((pair, &b""[..]), |at| (&pair[..at], &pair[at + 1..]));
        (decoded(name), decoded(value))
    })
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
    if !text.iter().any(|byte| matches!(byte, b'+' | b'%')) {
        return Cow::Borrowed(text);
    }
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((&first, tail)) = rest.split_first() {
        rest = tail;
        bytes.push(match (first, tail) {
            (b'+', _) => b' ',
            (b'%', [high, low, tail @ ..]) if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => {
                rest = tail;
                (nibble(*high) << 4) | nibble(*low)
            }
            _ => first,
        });
    }
    Cow::Owned(bytes)
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
