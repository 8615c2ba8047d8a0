//! Picks values at several JSON pointers in one pass, without building a tree.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize as _, DeserializeSeed, Deserializer, Error as _, IgnoredAny};
use serde::de::{MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use crate::provider::Rejection;
use crate::provider::canonical::Pointer;
use crate::provider::name::Name;
use crate::provider::plain::Kind;

/// The pointers to pick, as a tree. Each has a number, in the order in which it was added.
#[derive(Clone, Debug, Default)]
pub(super) struct Paths {
    root: Node,
    len: usize,
}

#[derive(Clone, Debug, Default)]
struct Node {
    number: Option<usize>,
    steps: Vec<(String, Self)>,
}

/// The bytes are not JSON in UTF-8.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct NotJson;

/// The JSON text of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Found<'a> {
    Never,
    Once(&'a str),
    /// A member on the way to the value is repeated. A later reader of the body might use another one.
    Repeated,
}

/// The value at a pointer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Value<'a> {
    /// There is none, or it is null.
    Absent,
    Text(Cow<'a, str>),
    /// A whole number, as it is written.
    Integer(&'a str),
    /// A flag, a fraction, a list or an object.
    Other,
    /// A string with a lone surrogate, which is no text.
    Unreadable,
    /// See [`Found::Repeated`].
    Repeated,
}

/// The values at the pointers, by their numbers.
#[derive(Debug, Default)]
pub(super) struct Values<'a>(Vec<Value<'a>>);

impl Paths {
    pub(super) fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Adds a pointer and returns its number. Equal pointers have one number.
    pub(super) fn add(&mut self, pointer: &Pointer) -> usize {
        let mut node = &mut self.root;
        for step in pointer.steps() {
            let known = node.steps.iter().position(|(name, _)| name == step);
            let at = known.unwrap_or_else(|| {
                node.steps.push((step.clone(), Node::default()));
                node.steps.len() - 1
            });
            node = &mut node.steps[at].1;
        }
        *node.number.get_or_insert_with(|| {
            self.len += 1;
            self.len - 1
        })
    }

    /// The values at the pointers.
    pub(super) fn pick<'a>(&self, bytes: &'a [u8]) -> Result<Values<'a>, NotJson> {
        Ok(Values(self.find(bytes)?.into_iter().map(Value::of).collect()))
    }

    /// The JSON texts at the pointers, by their numbers. Each is a slice of the bytes.
    pub(super) fn find<'a>(&self, bytes: &'a [u8]) -> Result<Vec<Found<'a>>, NotJson> {
        let text = std::str::from_utf8(bytes).map_err(|_| NotJson)?;
        let mut found = vec![Found::Never; self.len];
        let mut json = serde_json::Deserializer::from_str(text);
        let reader = Reader { node: &self.root, found: &mut found };
        let read = match (self.root.number, first_byte(text)) {
            // Without the way over its text.
            (None, Some(b'{')) => json.deserialize_map(reader),
            _ => reader.deserialize(&mut json),
        };
        read.and_then(|()| json.end()).map_err(|_| NotJson)?;
        Ok(found)
    }
}

impl Node {
    fn mark_repeated(&self, found: &mut [Found<'_>]) {
        if let Some(number) = self.number {
            found[number] = Found::Repeated;
        }
        for (_, node) in &self.steps {
            node.mark_repeated(found);
        }
    }
}

impl<'a> Values<'a> {
    /// # Errors
    /// When the value is ambiguous, or is a string that is no text.
    pub(super) fn get(&self, number: usize) -> Result<&Value<'a>, Rejection> {
        match self.0.get(number).unwrap_or(&Value::Absent) {
            Value::Repeated => Err(Rejection::malformed("the body repeats a field")),
            Value::Unreadable => Err(Rejection::malformed("a field has a lone surrogate")),
            value => Ok(value),
        }
    }
}

impl<'a> Value<'a> {
    fn of(found: Found<'a>) -> Self {
        let json = match found {
            Found::Never => return Self::Absent,
            Found::Repeated => return Self::Repeated,
            Found::Once(json) => json,
        };
        match Kind::of(json) {
            Kind::Null => Self::Absent,
            Kind::Text(text) => Self::Text(text),
            Kind::Unreadable => Self::Unreadable,
            Kind::Integer(digits) => Self::Integer(digits),
            Kind::Other => Self::Other,
        }
    }

    pub(super) fn is_present(&self) -> bool {
        *self != Self::Absent
    }

    pub(super) fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The value as a name: a text that is not empty, or a whole number.
    pub(super) fn name(&self) -> Option<&str> {
        match self {
            Self::Text(text) => (!text.is_empty()).then_some(text),
            Self::Integer(digits) => Some(digits),
            _ => None,
        }
    }
}

struct Reader<'n, 'f, 'de> {
    node: &'n Node,
    found: &'f mut [Found<'de>],
}

impl<'de> DeserializeSeed<'de> for Reader<'_, '_, 'de> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        // A value on the way that is neither an object nor a list is read no further: a string may have a lone surrogate.
        let json = <&RawValue>::deserialize(deserializer)?.get();
        if let Some(number) = self.node.number {
            self.found[number] = Found::Once(json);
        }
        let mut inner = serde_json::Deserializer::from_str(json);
        let read = match first_byte(json) {
            _ if self.node.steps.is_empty() => Ok(()),
            Some(b'{') => inner.deserialize_map(self),
            Some(b'[') => inner.deserialize_seq(self),
            _ => Ok(()),
        };
        read.map_err(D::Error::custom)
    }
}

impl<'de> Visitor<'de> for Reader<'_, '_, 'de> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object or a list")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        for at in 0_usize.. {
            let step = self.node.steps.iter().find(|(name, _)| name.parse() == Ok(at) && is_index(name));
            let is_more = match step {
                Some((_, node)) => seq.next_element_seed(Reader { node, found: self.found })?.is_some(),
                None => seq.next_element::<IgnoredAny>()?.is_some(),
            };
            if !is_more {
                break;
            }
        }
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let mut seen = vec![false; self.node.steps.len()];
        while let Some(Name(name)) = map.next_key()? {
            let step = self.node.steps.iter().position(|(step, _)| name.as_deref() == Some(step));
            let Some(at) = step else {
                map.next_value::<IgnoredAny>()?;
                continue;
            };
            let (_, node) = &self.node.steps[at];
            if std::mem::replace(&mut seen[at], true) {
                map.next_value::<IgnoredAny>()?;
                node.mark_repeated(self.found);
            } else {
                map.next_value_seed(Reader { node, found: self.found })?;
            }
        }
        Ok(())
    }
}

/// Whether a step is an array index as RFC 6901 writes it.
fn is_index(step: &str) -> bool {
    step == "0" || !step.starts_with(['0', '+'])
}

/// The first byte of a JSON value.
fn first_byte(json: &str) -> Option<u8> {
    json.bytes().find(|byte| !byte.is_ascii_whitespace())
}

/// Checks that the values picked from any bytes are those of a tree.
#[cfg(any(test, fuzzing))]
pub(crate) fn check(bytes: &[u8]) {
    use serde_json::Value as Tree;

    const POINTERS: [&str; 5] = ["/id", "/data/id", "/data/0/id", "/data", "/a~1b"];
    let mut paths = Paths::default();
    for pointer in POINTERS {
        paths.add(&Pointer::parse(pointer).expect("it is a pointer"));
    }
    let (Ok(Values(values)), Ok(tree)) = (paths.pick(bytes), serde_json::from_slice::<Tree>(bytes)) else {
        return;
    };
    for (pointer, value) in POINTERS.iter().zip(values) {
        match (value, tree.pointer(pointer)) {
            // The tree has the last of several members.
            (Value::Repeated, _) | (Value::Absent, None | Some(Tree::Null)) => {}
            (Value::Text(text), Some(Tree::String(expected))) => assert_eq!(text, *expected),
            (Value::Integer(digits), Some(Tree::Number(expected))) => {
                let exact = expected.as_u64().map(i128::from).or_else(|| expected.as_i64().map(i128::from));
                assert!(exact.is_none() || digits.parse().ok() == exact, "{digits} is {expected}");
            }
            (Value::Other, Some(expected)) => {
                assert!(!expected.is_null() && !expected.is_string() && !expected.is_u64(), "{pointer}");
            }
            (value, expected) => panic!("{pointer} is {value:?} and not {expected:?}"),
        }
    }
}

#[cfg(test)]
#[path = "pick_tests.rs"]
mod tests;
