//! JSON by meaning: one digest for all texts of which RFC 8785 makes the same canonical form.
//!
//! The form itself is never written. Two texts have one canonical form where they are equal as values: names in any
//! order, no white space, strings by their characters, numbers as IEEE 754 doubles. So the values are digested.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};

use crate::digest::FieldDigest;

/// A pointer to a field (RFC 6901), which is left out of a comparison.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Pointer(Vec<String>);

impl Pointer {
    /// Parses `/a/b`; `None` for what is no pointer, and for the one to the whole document.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let mut steps = text.split('/');
        let is_rooted = steps.next() == Some("");
        let steps: Vec<_> = steps.map(unescaped).collect::<Option<_>>()?;
        (is_rooted && !steps.is_empty()).then_some(Self(steps))
    }
}

/// A step of a pointer: `~1` stands for `/`, `~0` for `~`.
fn unescaped(step: &str) -> Option<String> {
    let escapes_are_right = step.split('~').skip(1).all(|rest| rest.starts_with(['0', '1']));
    escapes_are_right.then(|| step.replace("~1", "/").replace("~0", "~"))
}

/// The digest of a JSON text's meaning, without some of its fields. `None` where the text is not I-JSON (RFC 7493), for
/// which RFC 8785 has no form: a name given twice in one object, a number that a double does not hold, a lone surrogate.
/// `None` too where a member has the name that the parser gives to numbers: the two could not be told apart.
pub(super) fn digest(text: &[u8], left_out: &[Pointer]) -> Option<[u8; 32]> {
    if has_long_number(text) || names_number_field(text) {
        return None;
    }
    let mut value: Json = serde_json::from_slice(text).ok()?;
    for Pointer(steps) in left_out {
        value.leave_out(steps);
    }
    Some(value.put_into(FieldDigest::new("json")).finish())
}

/// How serde_json names the only field of a number that it passes as an object.
const NUMBER_FIELD: &str = "$serde_json::private::Number";

/// Whether a JSON text gives a member the name by which the parser knows a number, in whatever spelling.
fn names_number_field(text: &[u8]) -> bool {
    let mut rest = text;
    while let Some(start) = rest.iter().position(|byte| *byte == b'"') {
        rest = &rest[start..];
        // The quote that it begins with is not the one that ends it.
        let mut is_escaped = true;
        let end = rest.iter().position(|byte| {
            let is_end = *byte == b'"' && !is_escaped;
            is_escaped = *byte == b'\\' && !is_escaped;
            is_end
        });
        let Some(end) = end else { return false };
        let (string, after) = rest.split_at(end + 1);
        rest = after;
        if matches!(string[1], b'$' | b'\\')
            && rest.trim_ascii_start().starts_with(b":")
            && serde_json::from_slice::<String>(string).is_ok_and(|name| name == NUMBER_FIELD)
        {
            return true;
        }
    }
    false
}

/// Whether a JSON text has a number of more digits than a double tells apart. Others may read them all.
fn has_long_number(text: &[u8]) -> bool {
    const DIGITS: usize = 17;
    let (mut in_text, mut is_escaped, mut digits) = (false, false, 0);
    for byte in text {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' if in_text => is_escaped = true,
            b'"' => in_text = !in_text,
            _ if in_text => {}
            b'0' if digits == 0 => {}
            b'0'..=b'9' => digits += 1,
            b'.' => {}
            _ => digits = 0,
        }
        if digits > DIGITS {
            return true;
        }
    }
    false
}

enum Json {
    Null,
    Bool(bool),
    Number(f64),
    Text(String),
    List(Vec<Self>),
    /// Sorted by name; no name twice.
    Object(Vec<(String, Self)>),
}

impl Json {
    fn leave_out(&mut self, steps: &[String]) {
        let [step, rest @ ..] = steps else { return };
        match self {
            Self::Object(fields) => {
                let Ok(at) = fields.binary_search_by(|(name, _)| name.cmp(step)) else { return };
                if rest.is_empty() {
                    fields.remove(at);
                } else {
                    fields[at].1.leave_out(rest);
                }
            }
            Self::List(items) => {
                let Some(at) = step.parse().ok().filter(|at: &usize| at.to_string() == *step) else { return };
                match items.get_mut(at) {
                    // The others keep their places.
                    Some(item) if rest.is_empty() => *item = Self::Null,
                    Some(item) => item.leave_out(rest),
                    None => {}
                }
            }
            _ => {}
        }
    }

    /// Each kind by a letter, each length before what it is of, so that no two values agree by being cut differently.
    fn put_into(&self, digest: FieldDigest) -> FieldDigest {
        match self {
            Self::Null => digest.field(b"n"),
            Self::Bool(value) => digest.field(if *value { b"t" } else { b"f" }),
            // RFC 8785, section 3.2.2.3: a zero has no sign.
            Self::Number(value) => digest.field(b"d").field(&(value + 0.0).to_bits().to_be_bytes()),
            Self::Text(text) => digest.field(b"s").field(text.as_bytes()),
            Self::List(items) => {
                let digest = digest.field(b"l").field(&(items.len() as u64).to_be_bytes());
                items.iter().fold(digest, |digest, item| item.put_into(digest))
            }
            Self::Object(fields) => {
                let digest = digest.field(b"o").field(&(fields.len() as u64).to_be_bytes());
                fields
                    .iter()
                    .fold(digest, |digest, (name, value)| value.put_into(digest.field(name.as_bytes())))
            }
        }
    }

    /// A number as a double; not where it is a whole one that others, who read it as an integer, would tell from its
    /// neighbours and a double does not.
    fn number<E: Error>(value: f64) -> Result<Self, E> {
        const EXACT: f64 = 9_007_199_254_740_992.0;
        if value.abs() >= EXACT && value.abs() < 1e21 {
            return Err(E::custom("a whole number beyond what a double holds"));
        }
        Ok(Self::Number(value))
    }
}

impl<'de> Deserialize<'de> for Json {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(JsonVisitor)
    }
}

struct JsonVisitor;

#[expect(clippy::cast_precision_loss, reason = "what a double does not hold is refused")]
impl<'de> Visitor<'de> for JsonVisitor {
    type Value = Json;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_unit<E>(self) -> Result<Json, E> {
        Ok(Json::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Json, E> {
        Ok(Json::Bool(value))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Json, E> {
        Json::number(value as f64)
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Json, E> {
        Json::number(value as f64)
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Json, E> {
        Json::number(value)
    }

    fn visit_str<E>(self, text: &str) -> Result<Json, E> {
        Ok(Json::Text(text.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Json, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = seq.next_element()? {
            items.push(item);
        }
        Ok(Json::List(items))
    }

    /// An object; or a number, where a dependency somewhere has switched on serde_json's `arbitrary_precision`, which
    /// passes numbers as objects of one field.
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Json, A::Error> {
        let mut fields = Vec::new();
        while let Some(name) = map.next_key::<String>()? {
            if name == NUMBER_FIELD {
                let digits: String = map.next_value()?;
                let number: f64 = digits.parse().map_err(A::Error::custom)?;
                return if number.is_finite() {
                    Json::number(number)
                } else {
                    Err(A::Error::custom("too large"))
                };
            }
            fields.push((name, map.next_value()?));
        }
        fields.sort_by(|(a, _), (b, _)| a.cmp(b));
        if fields.windows(2).any(|pair| pair[0].0 == pair[1].0) {
            return Err(A::Error::custom("a name is given twice"));
        }
        Ok(Json::Object(fields))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> [u8; 32] {
        digest(text.as_bytes(), &[]).unwrap_or_else(|| panic!("{text}"))
    }

    /// RFC 8785, sections 3.2.2 and 3.2.3.
    #[test]
    fn the_sample_of_the_rfc_equals_its_canonical_form() {
        let sample = r#"{
            "numbers": [333333333.33333329, 1E30, 4.50, 2e-3, 0.000000000000000000000000001],
            "string": "\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/",
            "literals": [null, true, false]
        }"#;
        let canonical = "{\"literals\":[null,true,false],\"numbers\":[333333333.3333333,1e+30,4.5,0.002,1e-27],\
                         \"string\":\"\u{20ac}$\\u000f\\nA'B\\\"\\\\\\\\\\\"/\"}";
        assert_eq!(of(sample), of(canonical));
    }

    /// RFC 8785, section 3.2.3: names are sorted, whatever their order was.
    #[test]
    fn names_may_come_in_any_order_and_items_may_not() {
        let sorted = "{\"\\r\":\"CR\",\"1\":\"One\",\"\u{80}\":\"C\",\"\u{f6}\":\"O\",\"\u{20ac}\":\"E\",\"\u{1f600}\":\"S\",\"\u{fb33}\":\"H\"}";
        let shuffled =
            r#"{"\u20ac":"E","\r":"CR","\ufb33":"H","1":"One","\ud83d\ude00":"S","\u0080":"C","\u00f6":"O"}"#;
        assert_eq!(of(sorted), of(shuffled));
        assert_ne!(of("[1,2]"), of("[2,1]"));
    }

    /// RFC 8785, appendix B.
    #[test]
    fn numbers_are_equal_where_their_doubles_are() {
        for (one, other) in [
            ("0", "-0"),
            ("0", "-0.0"),
            ("1", "1.0"),
            ("100", "1e2"),
            ("5e-324", "4.9406564584124654e-324"),
            ("1.7976931348623157e308", "17.976931348623157E+307"),
            ("333333333.3333333", "333333333.33333329"),
            ("0.1", "0.10000000000000001"),
        ] {
            assert_eq!(of(one), of(other), "{one} {other}");
        }
        for (one, other) in
            [("1", "2"), ("1", "-1"), ("333333333.33333325", "333333333.3333332"), ("1", "\"1\"")]
        {
            assert_ne!(of(one), of(other), "{one} {other}");
        }
    }

    #[test]
    fn what_has_no_canonical_form_has_no_digest() {
        for text in [
            r#"{"a":1,"a":2}"#,
            r#"{"b":{"a":1,"\u0061":1}}"#,
            "9007199254740993",
            "-9007199254740993.0",
            "18446744073709551616",
            "1000000000000000000000001",
            "0.1000000000000000055",
            "1e400",
            r#""\ud800""#,
            "{",
            "",
            "1 2",
        ] {
            assert!(digest(text.as_bytes(), &[]).is_none(), "{text}");
        }
        assert!(digest("[".repeat(100_000).as_bytes(), &[]).is_none());
    }

    /// serde_json may pass a number as an object with one field of this name.
    #[test]
    fn an_object_that_looks_like_a_number_of_the_parser_has_no_digest() {
        for name in ["$serde_json::private::Number", r"\u0024serde_json::private::Numbe\u0072"] {
            for text in [
                format!(r#"{{"amount":{{"{name}":"5"}}}}"#),
                format!(r#"{{"{name}" : "5"}}"#),
                format!(r#"[{{"a\"":"\\","{name}":1}}]"#),
            ] {
                assert!(digest(text.as_bytes(), &[]).is_none(), "{text}");
            }
            let text = format!(r#"{{"note":"{name}"}}"#);
            assert!(digest(text.as_bytes(), &[]).is_some(), "{text}");
        }
    }

    #[test]
    fn values_that_are_cut_differently_differ() {
        let texts = [
            r#"["ab"]"#,
            r#"["a","b"]"#,
            r#"[["a"],"b"]"#,
            r#"{"a":"b"}"#,
            "[]",
            "{}",
            "null",
            "[null]",
            "\"\"",
        ];
        for (at, one) in texts.iter().enumerate() {
            assert!(texts[at + 1..].iter().all(|other| of(one) != of(other)), "{one}");
        }
    }

    #[test]
    fn fields_are_left_out_by_their_pointers() {
        let without = |text: &str, pointers: &[&str]| {
            let pointers: Vec<_> = pointers.iter().map(|text| Pointer::parse(text).unwrap()).collect();
            digest(text.as_bytes(), &pointers).unwrap()
        };
        let call = |id: &str| {
            format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"pay","params":{{"a/b":1,"m~n":2}}}}"#)
        };
        assert_eq!(without(&call("1"), &["/id"]), without(&call("\"x\""), &["/id"]));
        assert_ne!(without(&call("1"), &[]), without(&call("2"), &[]));
        assert_eq!(
            without(&call("1"), &["/id", "/params/a~1b"]),
            without(&call("1").replace("1,\"m", "7,\"m"), &["/id", "/params/a~1b"])
        );
        assert_eq!(without("[{\"id\":1},2]", &["/0/id"]), without("[{\"id\":3},2]", &["/0/id"]));
        assert_eq!(without("[1,2]", &["/7", "/x", "/00"]), without("[1,2]", &[]));
        for no_pointer in ["", "id", "id/", "/a~2", "/a~"] {
            assert!(Pointer::parse(no_pointer).is_none(), "{no_pointer}");
        }
    }
}
