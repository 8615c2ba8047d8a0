//! A form as Twilio signs it: names and values without separators, read so that no other way to cut them reads otherwise.

use sha2::{Digest as _, Sha256};

use super::{Rejection, form};

/// What was signed after the URL's path, and where in it this request has its parameters.
///
/// Whoever captured a request can cut the signed text elsewhere: into the same query and parameters or into others. So a
/// parameter is read only where its name first stands in that text with a value of its form behind it, and a name that
/// stands there and is no parameter is refused. Both are judged by the signed text alone, which is one for all ways to
/// cut it: any two of them that are accepted have the same of these parameters, with the same values.
pub(super) struct SignedForm<'a> {
    text: Vec<u8>,
    parameters: Vec<(usize, form::Field<'a>)>,
}

/// The form of a value, by which its end is known.
#[derive(Clone, Copy)]
pub(super) enum Form {
    /// Two capitals and hexadecimal digits, see [`is_sid`].
    Sid,
    /// Lower-case letters with dashes or underscores, up to 40; whatever follows is none of these.
    Status,
    /// Up to ten digits; whatever follows is none.
    Number,
    /// It begins with a letter. Its end is not known.
    Word,
}

impl<'a> SignedForm<'a> {
    /// The parameters in the order in which they were signed, behind this query, `?` included.
    pub(super) fn new(query: &str, parameters: Vec<form::Field<'a>>) -> Self {
        let mut text = query.as_bytes().to_vec();
        let parameters = parameters
            .into_iter()
            .map(|(name, value)| {
                let at = text.len();
                text.extend_from_slice(&name);
                text.extend_from_slice(&value);
                (at, (name, value))
            })
            .collect();
        Self { text, parameters }
    }

    /// The value of a name; `None` where the signed text has no such parameter, however it is cut.
    pub(super) fn single(&self, name: &str, form: Form) -> Result<Option<&str>, Rejection> {
        let mut named = self.parameters.iter().filter(|(_, (candidate, _))| *candidate == name.as_bytes());
        let first = self.text.windows(name.len()).enumerate().find_map(|(at, text)| {
            (text == name.as_bytes() && form.begins(&self.text[at + name.len()..])).then_some(at)
        });
        match (named.next(), named.next(), first) {
            (None, _, None) => Ok(None),
            (Some((at, (_, value))), None, Some(first)) if *at == first => {
                let rest = &self.text[at + name.len() + value.len()..];
                form.whole(value, rest)
                    .map(Some)
                    .ok_or(Rejection::malformed("a parameter is not of twilio's form"))
            }
            (Some(_), Some(_), _) => Err(Rejection::malformed("a parameter of the key is given twice")),
            _ => Err(Rejection::malformed("the signed parameters can be cut in several ways")),
        }
    }

    /// A digest of the signed text: one for all ways to cut it.
    pub(super) fn digest(&self) -> String {
        data_encoding::BASE64URL_NOPAD.encode(&Sha256::digest(&self.text))
    }
}

impl Form {
    /// Whether a text begins as a value of this form does.
    fn begins(self, text: &[u8]) -> bool {
        match self {
            Self::Sid => {
                matches!(text, [a, b, digit, ..] if a.is_ascii_uppercase() && b.is_ascii_uppercase() && digit.is_ascii_hexdigit())
            }
            Self::Status => text.first().is_some_and(is_of_status),
            Self::Number => text.first().is_some_and(u8::is_ascii_digit),
            Self::Word => text.first().is_some_and(u8::is_ascii_alphabetic),
        }
    }

    /// The value as text, where it is of this form and the text behind it does not go on with it.
    fn whole<'v>(self, value: &'v [u8], rest: &[u8]) -> Option<&'v str> {
        let text = std::str::from_utf8(value).ok()?;
        let next = rest.first();
        let is_whole = match self {
            Self::Sid => is_sid(text),
            Self::Status => {
                value.len() <= 40 && value.iter().all(is_of_status) && !next.is_some_and(is_of_status)
            }
            Self::Number => {
                value.len() <= 10
                    && value.iter().all(u8::is_ascii_digit)
                    && !next.is_some_and(u8::is_ascii_digit)
            }
            Self::Word => true,
        };
        is_whole.then_some(text)
    }
}

fn is_of_status(byte: &u8) -> bool {
    byte.is_ascii_lowercase() || matches!(byte, b'-' | b'_')
}

/// Two capitals and 32 lower-case hexadecimal digits. Samples in documentation have upper-case ones and may have fewer;
/// a shortened real Sid never reads like that, since it would need a capital digit.
pub(super) fn is_sid(text: &str) -> bool {
    let Some((prefix, digits)) = text.split_at_checked(2) else { return false };
    let is_real =
        digits.len() == 32 && digits.bytes().all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f'));
    let is_sample = digits.len() <= 32
        && digits.bytes().all(|digit| matches!(digit, b'0'..=b'9' | b'A'..=b'F'))
        && digits.bytes().any(|digit| digit.is_ascii_uppercase());
    prefix.bytes().all(|byte| byte.is_ascii_uppercase()) && (is_real || is_sample)
}

#[cfg(test)]
mod tests {
    use super::is_sid;

    #[test]
    fn a_sid_is_two_capitals_and_32_digits_or_a_documented_sample() {
        let sid = "SM2de0d6c5d0d64e3a8b3f1d3f3c2b1a09";
        assert!(is_sid(sid));
        assert!(is_sid("CA1234567890ABCDE"));
        assert!((0..sid.len()).all(|len| !is_sid(&sid[..len])), "a shortened sid is not one");
        for text in [
            "SM2de0d6c5d0d64e3a8b3f1d3f3c2b1a09MessageStatusdelivered",
            "CA1",
            "CA",
            "",
            "é1",
            "sm2A",
            "S-2A",
        ] {
            assert!(!is_sid(text), "{text}");
        }
    }
}
