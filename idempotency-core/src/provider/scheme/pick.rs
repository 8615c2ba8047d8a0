//! Picks values at several JSON pointers in one pass, without building a tree.

use std::borrow::Cow;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};

use crate::provider::canonical::Pointer;
use crate::provider::json::{NUMBER_FIELD, Scalar};

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

/// Why nothing is picked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unreadable {
    /// The bytes are not JSON in UTF-8.
    NotJson,
    /// A member on the way to a picked value is repeated. A later reader of the body might use the other one.
    Repeated,
}

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

    /// The values at the pointers, by their numbers. A missing value, and one that is no text and no whole number, is absent.
    pub(super) fn pick<'a>(&self, bytes: &'a [u8]) -> Result<Vec<Scalar<'a>>, Unreadable> {
        let text = std::str::from_utf8(bytes).map_err(|_| Unreadable::NotJson)?;
        let mut picked = Picked { values: vec![Scalar::Absent; self.len], is_repeated: false };
        let mut json = serde_json::Deserializer::from_str(text);
        let read = Reader { node: &self.root, picked: &mut picked }.deserialize(&mut json);
        match read.and_then(|()| json.end()) {
            Ok(()) => Ok(picked.values),
            Err(_) if picked.is_repeated => Err(Unreadable::Repeated),
            Err(_) => Err(Unreadable::NotJson),
        }
    }
}

struct Picked<'de> {
    values: Vec<Scalar<'de>>,
    is_repeated: bool,
}

struct Reader<'n, 'p, 'de> {
    node: &'n Node,
    picked: &'p mut Picked<'de>,
}

impl<'de> Reader<'_, '_, 'de> {
    fn put(self, value: Scalar<'de>) {
        if let Some(number) = self.node.number {
            self.picked.values[number] = value;
        }
    }
}

impl<'de> DeserializeSeed<'de> for Reader<'_, '_, 'de> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Reader<'_, '_, 'de> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<(), E> {
        self.put(Scalar::Text(Cow::Borrowed(text)));
        Ok(())
    }

    fn visit_str<E>(self, text: &str) -> Result<(), E> {
        self.put(Scalar::Text(Cow::Owned(text.to_owned())));
        Ok(())
    }

    fn visit_u64<E>(self, number: u64) -> Result<(), E> {
        self.put(Scalar::Number(number));
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        for at in 0_usize.. {
            let step = self.node.steps.iter().find(|(name, _)| name.parse() == Ok(at) && is_index(name));
            let is_more = match step {
                Some((_, node)) => seq.next_element_seed(Reader { node, picked: self.picked })?.is_some(),
                None => seq.next_element::<IgnoredAny>()?.is_some(),
            };
            if !is_more {
                break;
            }
        }
        Ok(())
    }

    /// An object, or a number that is passed as one: see [`NUMBER_FIELD`].
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let mut seen = vec![false; self.node.steps.len()];
        while let Some(member) = map.next_key_seed(Member(self.node))? {
            match member {
                Step::Known(at) if std::mem::replace(&mut seen[at], true) => {
                    self.picked.is_repeated = true;
                    return Err(A::Error::custom("a member is repeated"));
                }
                Step::Known(at) => {
                    map.next_value_seed(Reader { node: &self.node.steps[at].1, picked: self.picked })?;
                }
                Step::Number => {
                    let digits = map.next_value::<String>()?;
                    let value = digits.parse().map_or(Scalar::Absent, Scalar::Number);
                    Reader { node: self.node, picked: self.picked }.put(value);
                }
                Step::Other => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(())
    }
}

/// Whether a step is an array index as RFC 6901 writes it.
fn is_index(step: &str) -> bool {
    step == "0" || !step.starts_with(['0', '+'])
}

/// Tells which step of a node a member's name is, without keeping the name.
struct Member<'n>(&'n Node);

enum Step {
    Known(usize),
    Number,
    Other,
}

impl<'de> DeserializeSeed<'de> for Member<'_> {
    type Value = Step;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Step, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for Member<'_> {
    type Value = Step;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a member's name")
    }

    fn visit_str<E>(self, name: &str) -> Result<Step, E> {
        Ok(match self.0.steps.iter().position(|(step, _)| step == name) {
            Some(at) => Step::Known(at),
            None if name == NUMBER_FIELD && self.0.number.is_some() => Step::Number,
            None => Step::Other,
        })
    }
}

/// Checks that the values picked from any bytes are those of a tree.
#[cfg(any(test, fuzzing))]
pub(crate) fn check(bytes: &[u8]) {
    const POINTERS: [&str; 5] = ["/id", "/data/id", "/data/0/id", "/data", "/a~1b"];
    let mut paths = Paths::default();
    for pointer in POINTERS {
        paths.add(&Pointer::parse(pointer).expect("it is a pointer"));
    }
    let (Ok(values), Ok(tree)) = (paths.pick(bytes), serde_json::from_slice::<serde_json::Value>(bytes))
    else {
        return;
    };
    for (pointer, value) in POINTERS.iter().zip(values) {
        match (value, tree.pointer(pointer)) {
            (Scalar::Text(text), Some(serde_json::Value::String(expected))) => assert_eq!(text, *expected),
            (Scalar::Number(number), Some(expected)) => {
                // An object that is written as the parser passes a number is taken for one.
                assert!(expected.is_object() || expected.as_u64() == Some(number), "{number} is {expected}");
            }
            (Scalar::Absent, expected) => {
                let is_picked = expected.is_some_and(|value| value.is_string() || value.is_u64());
                assert!(!is_picked, "{pointer} is not picked");
            }
            (value, expected) => panic!("{pointer} is {value:?} and not {expected:?}"),
        }
    }
}

#[cfg(test)]
#[path = "pick_tests.rs"]
mod tests;
