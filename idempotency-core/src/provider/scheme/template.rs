//! The template of the signed text, parsed once.

use http::HeaderName;

use super::SchemeError;

/// A part of the signed text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Part {
    Text(&'static str),
    Body(Borders),
    Timestamp,
    Url,
    Method,
    Header(HeaderName, Border),
}

/// What keeps a header's value apart from its neighbour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Border {
    /// The value must not have this byte.
    Byte(u8),
    /// Nothing is between them. The value must be a [word](is_word).
    Form,
}

/// Whether a value that the request chooses adjoins the body, before and after it, without a text between. A date is no such
/// value: it shows where it begins and ends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Borders {
    pub(super) before: bool,
    pub(super) after: bool,
}

/// Parses a template. `id` is the header that `{id}` stands for. `is_date` says that the time is a date.
///
/// The request chooses the headers and the body. They are joined before they are signed, so a text may be cut into them in
/// several ways. Each way but one must be refused. Headers are cut at the first byte of the text between, read from the
/// outside to the body.
pub(super) fn parse(
    template: &'static str,
    id: Option<&'static str>,
    is_date: bool,
) -> Result<Vec<Part>, SchemeError> {
    let wrong = |reason| SchemeError::Template { template, reason };
    let mut parts = Vec::new();
    let mut rest = template;
    while let Some((text, from_name)) = rest.split_once('{') {
        if !text.is_empty() {
            parts.push(Part::Text(text));
        }
        let (name, after) = from_name.split_once('}').ok_or_else(|| wrong("has a `{` without a `}`"))?;
        rest = after;
        let header = |name: &'static str| {
            let parsed = HeaderName::from_bytes(name.as_bytes());
            parsed.map(|name| Part::Header(name, Border::Form)).map_err(|_| SchemeError::HeaderName(name))
        };
        parts.push(match name {
            "body" => Part::Body(Borders::default()),
            "timestamp" => Part::Timestamp,
            "url" => Part::Url,
            "method" => Part::Method,
            "id" => header(id.ok_or_else(|| wrong("has an `{id}`, but the key is not in a header"))?)?,
            _ => match name.strip_prefix("header:") {
                Some(name) => header(name)?,
                None => return Err(wrong("has an unknown part: use {body}, {timestamp}, {id}, {header:name}, {url} or {method}")),
            },
        });
    }
    if !rest.is_empty() {
        parts.push(Part::Text(rest));
    }
    if parts.iter().filter(|part| matches!(part, Part::Timestamp)).count() > 1 {
        return Err(wrong("has `{timestamp}` twice"));
    }
    let mut bodies = parts.iter().enumerate().filter(|(_, part)| matches!(part, Part::Body(_)));
    let body = match (bodies.next(), bodies.next()) {
        (Some((at, _)), None) => at,
        (None, _) => return Err(wrong("leaves out `{body}`, so any body would pass")),
        _ => return Err(wrong("has `{body}` twice")),
    };
    set_borders(&mut parts, body, is_date).map_err(wrong)?;
    Ok(parts)
}

fn set_borders(parts: &mut [Part], body: usize, is_date: bool) -> Result<(), &'static str> {
    let is_chosen = |part: Option<&Part>| match part {
        Some(Part::Header(..)) => true,
        Some(Part::Timestamp) => !is_date,
        _ => false,
    };
    let before = body.checked_sub(1).and_then(|at| parts.get(at));
    let borders = Borders { before: is_chosen(before), after: is_chosen(parts.get(body + 1)) };
    parts[body] = Part::Body(borders);
    for at in 0..parts.len() {
        // The neighbour on the body's side.
        let inner = if at < body { at.checked_add(1) } else { at.checked_sub(1) };
        let inner = inner.and_then(|at| parts.get(at));
        let border = match inner {
            Some(Part::Text(text)) => {
                let bytes = text.as_bytes();
                Border::Byte(if at < body { bytes[0] } else { bytes[bytes.len() - 1] })
            }
            _ => Border::Form,
        };
        match (&parts[at], border) {
            (Part::Header(..), Border::Form) if !matches!(inner, Some(Part::Body(_) | Part::Timestamp)) => {
                return Err("has two parts without a separator between them");
            }
            (Part::Timestamp, Border::Form) if !matches!(inner, Some(Part::Body(_))) => {
                return Err("has two parts without a separator between them");
            }
            (Part::Timestamp, Border::Byte(byte)) if byte.is_ascii_digit() => {
                return Err("has a digit next to the timestamp");
            }
            _ => {}
        }
        if let Part::Header(_, set) = &mut parts[at] {
            *set = border;
        }
    }
    Ok(())
}

/// Whether a byte may be in a header's value that adjoins another part. It is in no JSON text's first or last place, except
/// for numbers and names such as `true`, and ends before the `:` of a date.
pub(super) fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-')
}

impl Border {
    /// Whether a value cannot be cut elsewhere.
    pub(super) fn admits(self, value: &str) -> bool {
        match self {
            Self::Byte(byte) => !value.as_bytes().contains(&byte),
            Self::Form => value.bytes().all(is_word),
        }
    }
}

impl Borders {
    /// Whether a body cannot be cut elsewhere: it does not continue a header's value or a time. An empty one does not show
    /// where the value before it ends.
    pub(super) fn admit(self, body: &[u8]) -> bool {
        let continues = |byte: Option<&u8>| byte.is_some_and(|&byte| is_word(byte) || b".:+".contains(&byte));
        let continues_value = self.before && continues(body.first());
        let begins_value = self.after && continues(body.last());
        let is_hidden = self.before && self.after && body.is_empty();
        !continues_value && !begins_value && !is_hidden
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(border: Border) -> Part {
        Part::Header(HeaderName::from_static("x-id"), border)
    }

    fn reason(template: &'static str) -> String {
        parse(template, Some("X-Id"), false).unwrap_err().to_string()
    }

    #[test]
    fn a_template_becomes_its_parts() {
        let body = |before, after| Part::Body(Borders { before, after });
        assert_eq!(parse("{body}", None, false).unwrap(), [body(false, false)]);
        assert_eq!(
            parse("v0:{timestamp}:{body}", None, false).unwrap(),
            [Part::Text("v0:"), Part::Timestamp, Part::Text(":"), body(false, false)]
        );
        assert_eq!(
            parse("{id}.{timestamp}{body}{url}", Some("X-Id"), false).unwrap(),
            [header(Border::Byte(b'.')), Part::Text("."), Part::Timestamp, body(true, false), Part::Url]
        );
        assert_eq!(
            parse("{timestamp}{body}{header:x-id}", None, true).unwrap(),
            [Part::Timestamp, body(false, true), header(Border::Form)]
        );
        assert_eq!(
            parse("{method}\n{header:X-ID}{body} {header:x-id}", None, false).unwrap(),
            [
                Part::Method,
                Part::Text("\n"),
                header(Border::Form),
                body(true, false),
                Part::Text(" "),
                header(Border::Byte(b' '))
            ]
        );
    }

    #[test]
    fn a_template_that_proves_too_little_or_cannot_be_read_is_refused() {
        for template in ["", "{timestamp}", "body", "{url}{id}"] {
            assert!(reason(template).ends_with("leaves out `{body}`, so any body would pass"), "{template}");
        }
        assert!(reason("{body}{body}").contains("`{body}` twice"));
        assert!(reason("{timestamp}.{timestamp}.{body}").contains("`{timestamp}` twice"));
        assert!(reason("{body").contains("a `{` without a `}`"));
        assert!(reason("{bdy}{body}").contains("unknown part"));
        assert!(reason("{header:x y}{body}").contains("`x y` is not a header name"));
        let error = parse("{id}.{body}", None, false).unwrap_err();
        assert!(error.to_string().contains("the key is not in a header"));
    }

    #[test]
    fn parts_that_could_be_cut_elsewhere_are_refused() {
        for template in
            ["{id}{header:x-b}{body}", "{id}{url}{body}", "{timestamp}{id}.{body}", "{body}{id}{header:x-b}"]
        {
            assert!(reason(template).contains("without a separator between"), "{template}");
        }
        assert!(reason("{timestamp}0{body}").contains("a digit next to"));
    }

    #[test]
    fn a_value_with_the_border_in_it_and_a_body_that_continues_a_value_are_not_admitted() {
        assert!(Border::Byte(b'.').admits("a:b") && !Border::Byte(b'.').admits("a.b"));
        assert!(Border::Form.admits("befa7b53-d79d_A") && !Border::Form.admits("2022:10"));
        assert!(!Border::Form.admits("a\"") && !Border::Form.admits("é"));
        let both = Borders { before: true, after: true };
        assert!(both.admit(b"{}") && !both.admit(b""));
        for one in [Borders { before: true, after: false }, Borders { before: false, after: true }] {
            assert!(one.admit(b""));
        }
        for body in [&b"1{}"[..], b"{}1", b"Z{}", b":{}", b"{}+"] {
            assert!(!both.admit(body), "{body:?}");
            assert!(Borders::default().admit(body));
        }
    }
}
