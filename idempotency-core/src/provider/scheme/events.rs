//! The events in a body, for senders that put several into one request.

use std::fmt;

use serde::de::{
    Deserialize as _, DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor,
};
use serde_json::value::RawValue;

use crate::provider::Rejection;
use crate::provider::canonical::Pointer;
use crate::provider::name::Name;

/// The way to each event: a JSON pointer in which `*` stands for each element of a list.
#[derive(Clone, Debug)]
pub(in crate::provider) struct EventPath(Vec<Step>);

#[derive(Clone, Debug)]
enum Step {
    Member(String),
    Each,
}

impl EventPath {
    /// `None` if the text is no pointer, or does not end with a list.
    pub(in crate::provider) fn parse(text: &str) -> Option<Self> {
        let pointer = Pointer::parse(text)?;
        let steps = pointer.steps().iter().map(|step| match step.as_str() {
            "*" => Step::Each,
            name => Step::Member(name.to_owned()),
        });
        let steps: Vec<_> = steps.collect();
        matches!(steps.last(), Some(Step::Each)).then_some(Self(steps))
    }

    /// The JSON texts of the events, in the body's order. Each is a slice of the body.
    ///
    /// Every list on the way must be there: a message of another form is refused and not taken for an empty one.
    pub(in crate::provider) fn find<'a>(
        &self,
        body: &'a [u8],
        most: usize,
    ) -> Result<Vec<&'a str>, Rejection> {
        let text = std::str::from_utf8(body).map_err(|_| Rejection::malformed("the body is not utf-8"))?;
        let reason = "the body is not json with a list of events";
        let mut found = Found { events: Vec::new(), most, reason };
        let mut json = serde_json::Deserializer::from_str(text);
        let read = Reader { steps: &self.0, found: &mut found }.deserialize(&mut json);
        read.and_then(|()| json.end()).map_err(|_| Rejection::malformed(found.reason))?;
        Ok(found.events)
    }
}

struct Found<'a> {
    events: Vec<&'a str>,
    most: usize,
    /// What is wrong with the body, if anything is.
    reason: &'static str,
}

impl Found<'_> {
    fn refuse<E: serde::de::Error>(&mut self, reason: &'static str) -> E {
        self.reason = reason;
        E::custom(reason)
    }
}

struct Reader<'p, 'f, 'de> {
    steps: &'p [Step],
    found: &'f mut Found<'de>,
}

impl<'de> DeserializeSeed<'de> for Reader<'_, '_, 'de> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        match self.steps {
            [] if self.found.events.len() == self.found.most => {
                Err(self.found.refuse("the body has more events than the scheme allows"))
            }
            [] => {
                self.found.events.push(<&RawValue>::deserialize(deserializer)?.get());
                Ok(())
            }
            [Step::Member(_), ..] => deserializer.deserialize_map(self),
            [Step::Each, ..] => deserializer.deserialize_seq(self),
        }
    }
}

impl<'de> Visitor<'de> for Reader<'_, '_, 'de> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of events, or an object on the way to it")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        let steps = self.steps.get(1..).unwrap_or_default();
        while seq.next_element_seed(Reader { steps, found: self.found })?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let [Step::Member(name), steps @ ..] = self.steps else {
            return Err(A::Error::custom("an object in the place of a list"));
        };
        let mut is_found = false;
        while let Some(Name(member)) = map.next_key()? {
            match (member.as_deref() == Some(name), is_found) {
                (false, _) => {
                    map.next_value::<IgnoredAny>()?;
                }
                (true, false) => {
                    is_found = true;
                    map.next_value_seed(Reader { steps, found: self.found })?;
                }
                // A later reader of the body might use the other one.
                (true, true) => return Err(self.found.refuse("the body repeats a field")),
            }
        }
        if is_found { Ok(()) } else { Err(self.found.refuse("the body has no list of events")) }
    }
}

/// Checks that the events found in any bytes are those of a tree, and slices of the bytes.
#[cfg(any(test, fuzzing))]
pub(crate) fn check(bytes: &[u8]) {
    use serde_json::Value as Tree;

    const MOST: usize = 8;

    fn walk<'t>(steps: &[Step], tree: &'t Tree, found: &mut Vec<&'t Tree>) -> Option<()> {
        match steps {
            [] => found.push(tree),
            [Step::Member(name), steps @ ..] => walk(steps, tree.as_object()?.get(name)?, found)?,
            [Step::Each, steps @ ..] => {
                tree.as_array()?.iter().try_for_each(|element| walk(steps, element, found))?;
            }
        }
        Some(())
    }

    for path in ["/*", "/events/*", "/entry/*/events/*", "/a~1b/*/*"] {
        let path = EventPath::parse(path).expect("it is a path");
        let found = path.find(bytes, MOST);
        for event in found.iter().flatten() {
            assert!(bytes.as_ptr_range().contains(&event.as_ptr()), "an event is no slice of the body");
        }
        // It refuses lone surrogates and deep nesting.
        let Ok(tree) = serde_json::from_slice::<Tree>(bytes) else { continue };
        let mut expected = Vec::new();
        let is_list = walk(&path.0, &tree, &mut expected).is_some() && expected.len() <= MOST;
        let as_trees = |found: &[&str]| found.iter().map(|event| serde_json::from_str(event)).collect();
        if let Ok(found) = &found {
            let found: Result<Vec<Tree>, _> = as_trees(found);
            assert!(is_list && found.expect("an event is json").iter().eq(expected.iter().copied()));
        }
        // The tree's own text repeats no member.
        let text = tree.to_string();
        let again = path.find(text.as_bytes(), MOST);
        assert_eq!(again.is_ok(), is_list, "{text}");
        if let Ok(again) = again {
            let again: Result<Vec<Tree>, _> = as_trees(&again);
            assert!(again.expect("an event is json").iter().eq(expected), "{text}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found<'a>(path: &str, body: &'a str) -> Result<Vec<&'a str>, String> {
        let path = EventPath::parse(path).unwrap();
        path.find(body.as_bytes(), 3).map_err(|rejection| rejection.to_string())
    }

    #[test]
    fn events_are_slices_of_the_body_in_its_order() {
        assert_eq!(found("/*", r#"[{"a":[1]}, "b" ,3]"#).unwrap(), [r#"{"a":[1]}"#, r#""b""#, "3"]);
        assert_eq!(found("/*", " [] \r\n").unwrap(), [""; 0]);
        assert_eq!(found("/data/events/*", r#"{"x":[1],"data":{"events":[{}],"y":2}}"#).unwrap(), ["{}"]);
        let nested = r#"{"entry":[{"id":1,"changes":[1,2]},{"changes":[]},{"changes":[[3]],"id":2}]}"#;
        assert_eq!(found("/entry/*/changes/*", nested).unwrap(), ["1", "2", "[3]"]);
        assert_eq!(found("/*/*", "[[1],[],[2,3]]").unwrap(), ["1", "2", "3"]);
        assert_eq!(found("/a~1b/*", r#"{"a\/b":[1]}"#).unwrap(), ["1"]);
    }

    #[test]
    fn a_lone_surrogate_beside_the_list_or_in_an_event_takes_no_event_down() {
        let body = r#"{"\ud83d":"\ud83d","events":[{"\ud83d":1},"\ud83d",3],"x":{"\udc00":2}}"#;
        assert_eq!(found("/events/*", body).unwrap(), [r#"{"\ud83d":1}"#, r#""\ud83d""#, "3"]);
        let repeated = r#"{"\ud83d":1,"events":[1],"\u0065vents":[2]}"#;
        assert!(found("/events/*", repeated).unwrap_err().contains("repeats a field"));
    }

    #[test]
    fn a_body_of_another_form_is_no_empty_list() {
        for body in [
            "",
            "null",
            "7",
            "\"events\"",
            "{}",
            "[]",
            r#"{"events":null}"#,
            r#"{"events":{}}"#,
            r#"{"events":"[]"}"#,
            r#"{"events":[1]"#,
            r#"{"events":[1]}{}"#,
            r#"{"Events":[]}"#,
            r#"{"data":{"events":[]}}"#,
        ] {
            assert!(found("/events/*", body).is_err(), "{body}");
        }
        assert!(found("/entry/*/changes/*", r#"{"entry":[{"changes":[1]},{"messaging":[2]}]}"#).is_err());
        assert!(EventPath::parse("/*").unwrap().find(b"[\"\xff\"]", 3).is_err());
    }

    #[test]
    fn a_repeated_list_is_refused_wherever_the_second_one_is() {
        for body in [
            r#"{"events":[1],"events":[2]}"#,
            r#"{"events":[1],"x":0,"\u0065vents":[1]}"#,
            r#"{"events":[],"events":null}"#,
        ] {
            assert!(found("/events/*", body).unwrap_err().contains("repeats a field"), "{body}");
        }
        assert!(found("/a/b/*", r#"{"a":{"b":[1]},"a":{}}"#).unwrap_err().contains("repeats a field"));
        assert_eq!(
            found("/events/*", r#"{"x":1,"events":[{"events":1,"events":2}],"x":2}"#).unwrap().len(),
            1
        );
    }

    #[test]
    fn more_events_than_allowed_are_refused() {
        assert_eq!(found("/*", "[1,2,3]").unwrap().len(), 3);
        assert!(found("/*", "[1,2,3,4]").unwrap_err().contains("more events"));
        assert!(found("/*/*", "[[1,2],[3,4]]").unwrap_err().contains("more events"));
    }

    #[test]
    fn a_path_ends_with_a_list() {
        for text in ["", "/", "/events", "*", "events/*", "/*/events", "/~2/*"] {
            assert!(EventPath::parse(text).is_none(), "{text}");
        }
    }

    #[test]
    fn deep_nesting_never_overflows_the_stack() {
        let deep = "[".repeat(200_000);
        for body in [deep.clone(), format!("[{{\"a\":{deep}")] {
            assert!(found("/*", &body).is_err());
        }
        let balanced = format!("{deep}{}", "]".repeat(200_000));
        assert_eq!(found("/*", &balanced).unwrap(), [&balanced[1..balanced.len() - 1]]);
        assert!(found(&"/*".repeat(1_000), &balanced).is_err());
    }
}
