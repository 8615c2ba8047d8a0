//! The digest of a multipart body without its boundary, which clients choose anew for each attempt.

use crate::digest::FieldDigest;

/// The digest of a multipart body's parts with their headers, in order. `None` if the body does not match its boundary
/// (RFC 2046, section 5.1.1).
pub(super) fn digest(content_type: &str, body: &[u8]) -> Option<[u8; 32]> {
    let boundary = boundary_of(content_type)?;
    let delimiter = [b"\r\n--", boundary.as_bytes()].concat();
    // At the start of the body, the delimiter has no line break before it.
    let mut rest = match body.strip_prefix(&delimiter[2..]) {
        Some(rest) => rest,
        None => split_at_first(body, &delimiter)?.1,
    };
    let mut digest = FieldDigest::new("multipart");
    loop {
        if rest.starts_with(b"--") {
            return Some(digest.finish());
        }
        // Spaces and tabs may follow the delimiter on its line.
        let (padding, part) = split_at_first(rest, b"\r\n")?;
        if !padding.iter().all(|byte| matches!(byte, b' ' | b'\t')) {
            return None;
        }
        // The line break after the last delimiter may also be the one before the next.
        let (part, next) = if let Some(next) = part.strip_prefix(&delimiter[2..]) {
            (&b""[..], next)
        } else {
            split_at_first(part, &delimiter)?
        };
        digest = digest.field(part);
        rest = next;
    }
}

/// The `boundary` of a content type, quoted or not.
fn boundary_of(content_type: &str) -> Option<&str> {
    let mut parameters =
        content_type.split(';').skip(1).filter_map(|parameter| parameter.trim().split_once('='));
    let (_, value) = parameters.find(|(name, _)| name.trim().eq_ignore_ascii_case("boundary"))?;
    let value = value.trim();
    let value = value.strip_prefix('"').and_then(|value| value.strip_suffix('"')).unwrap_or(value);
    (1..=70).contains(&value.len()).then_some(value)
}

/// The bytes before and after the first separator.
fn split_at_first<'a>(bytes: &'a [u8], separator: &[u8]) -> Option<(&'a [u8], &'a [u8])> {
    let at = bytes.windows(separator.len()).position(|window| window == separator)?;
    Some((&bytes[..at], &bytes[at + separator.len()..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form(boundary: &str, fields: &[(&str, &str)]) -> Option<[u8; 32]> {
        let mut body = String::new();
        for (name, value) in fields {
            body += &format!(
                "--{boundary}\r\ncontent-disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n"
            );
        }
        body += &format!("--{boundary}--\r\n");
        digest(&format!("multipart/form-data; boundary={boundary}"), body.as_bytes())
    }

    #[test]
    fn only_the_boundary_is_left_out_of_the_digest() {
        let fields = [("a", "1"), ("b", "two\r\nlines --x")];
        let one = form("x-1", &fields).unwrap();
        assert_eq!(form("a quite different one", &fields).unwrap(), one);
        for other in
            [&[("a", "1")][..], &[("b", "two\r\nlines --x"), ("a", "1")], &[("a", "1"), ("b", "two")]]
        {
            assert_ne!(form("x-1", other).unwrap(), one);
        }
        assert_ne!(form("x", &[("a", "1")]), form("x", &[("a", "")]));
    }

    #[test]
    fn a_body_that_does_not_match_its_boundary_has_no_digest() {
        for (content_type, body) in [
            ("multipart/form-data", "--x\r\n\r\n1\r\n--x--"),
            ("multipart/form-data; boundary=", "--\r\n\r\n1\r\n----"),
            ("multipart/form-data; boundary=x", "--x\r\n\r\n1\r\n"),
            ("multipart/form-data; boundary=x", "--x\r\n\r\n1\r\n--xy"),
            ("multipart/form-data; boundary=x", ""),
            ("multipart/form-data; boundary=y", "--x\r\n\r\n1\r\n--x--"),
        ] {
            assert_eq!(digest(content_type, body.as_bytes()), None, "{content_type} {body:?}");
        }
        assert!(
            digest("multipart/form-data; Boundary=\"x\"", b"preamble\r\n--x  \r\n\r\n1\r\n--x--").is_some()
        );
    }
}
