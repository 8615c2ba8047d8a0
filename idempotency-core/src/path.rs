//! The path: one spelling for all paths that a router treats as the same.

use std::borrow::Cow;
use std::fmt::Write as _;

/// Normalizes a path (RFC 3986, section 6.2.2): needless escapes are decoded, the others have upper-case digits.
///
/// Routers decode a path before they match it. Without this, each spelling of a path would have its own scope. Escapes of
/// `%`, `/` and `+` stay, because they differ in meaning from the bare characters.
pub(crate) fn normalized(path: &str) -> Cow<'_, str> {
    if path.bytes().all(|byte| byte != b'%' && byte.is_ascii_graphic()) {
        return Cow::Borrowed(path);
    }
    let mut normalized = String::with_capacity(path.len());
    let mut rest = path.as_bytes();
    while let Some((&first, tail)) = rest.split_first() {
        rest = tail;
        let escaped = match tail {
            [high, low, after @ ..] if first == b'%' => {
                digit(*high).zip(digit(*low)).map(|pair| (pair, after))
            }
            _ => None,
        };
        let byte = match escaped {
            Some(((high, low), after)) => {
                rest = after;
                high << 4 | low
            }
            None => first,
        };
        // A `%` that begins no escape would begin one together with what is decoded after it.
        let stays = byte == b'%' || escaped.is_some() && matches!(byte, b'/' | b'+');
        if byte.is_ascii_graphic() && !stays {
            normalized.push(char::from(byte));
        } else {
            write!(normalized, "%{byte:02X}").expect("a string takes any text");
        }
    }
    Cow::Owned(normalized)
}

/// Decodes every escape of a path's segment. `None` if an escape is incomplete or the result is not UTF-8.
pub(crate) fn decoded(segment: &str) -> Option<Cow<'_, str>> {
    if !segment.contains('%') {
        return Some(Cow::Borrowed(segment));
    }
    let mut bytes = Vec::with_capacity(segment.len());
    let mut rest = segment.as_bytes();
    while let Some((&first, tail)) = rest.split_first() {
        rest = tail;
        let byte = match tail {
            [high, low, after @ ..] if first == b'%' => {
                rest = after;
                digit(*high)? << 4 | digit(*low)?
            }
            _ if first == b'%' => return None,
            _ => first,
        };
        bytes.push(byte);
    }
    String::from_utf8(bytes).ok().map(Cow::Owned)
}

fn digit(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_that_a_router_treats_as_the_same_are_one() {
        for path in ["/hook", "/%68ook", "/hoo%6B", "/hoo%6b"] {
            assert_eq!(normalized(path), "/hook");
        }
        for path in ["/caf\u{e9}", "/caf%c3%a9", "/caf%C3%A9"] {
            assert_eq!(normalized(path), "/caf%C3%A9");
        }
    }

    #[test]
    fn a_segment_is_decoded_once_and_as_a_whole() {
        for (segment, text) in
            [("acme", "acme"), ("a%2Fb", "a/b"), ("a%252Fb", "a%2Fb"), ("a+b", "a+b"), ("%C3%A9", "\u{e9}")]
        {
            assert_eq!(decoded(segment).as_deref(), Some(text));
        }
        for segment in ["a%", "a%2", "a%zz", "%FF"] {
            assert_eq!(decoded(segment), None, "{segment}");
        }
    }

    #[test]
    fn paths_of_different_meaning_stay_different() {
        let apart =
            ["/a/b", "/a%2Fb", "/a%252Fb", "/a+b", "/a%2Bb", "/a%20b", "/a%2520b", "/a%", "/a%2", "/a%zz"];
        assert_eq!(normalized("/a%%32%46b"), normalized("/a%252Fb"));
        for (i, a) in apart.iter().enumerate() {
            for b in &apart[i + 1..] {
                assert_ne!(normalized(a), normalized(b));
            }
        }
    }
}
