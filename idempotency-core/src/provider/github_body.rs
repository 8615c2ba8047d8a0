//! What GitHub's body says of itself: whether it can be of the type that the unsigned header names, and its order.

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde::de::{DeserializeSeed as _, Deserializer, Error as _, IgnoredAny, MapAccess, Visitor};

use super::json::{Object, Scalar};

/// Types of event, and a field that each of them has in its body. Types that are not listed have the field of their
/// own name, or are not known here.
const MARKS: [(&str, &str); 16] = [
    ("code_scanning_alert", "alert"),
    ("commit_comment", "comment"),
    ("create", "ref_type"),
    ("delete", "ref_type"),
    ("dependabot_alert", "alert"),
    ("discussion_comment", "comment"),
    ("fork", "forkee"),
    ("gollum", "pages"),
    ("issue_comment", "comment"),
    ("issues", "issue"),
    ("ping", "zen"),
    ("pull_request_review", "review"),
    ("pull_request_review_comment", "comment"),
    ("push", "after"),
    ("secret_scanning_alert", "alert"),
    ("status", "sha"),
];

/// Types of event whose body has the field of their own name.
const SELF_NAMED: [&str; 15] = [
    "check_run",
    "check_suite",
    "deployment",
    "deployment_status",
    "discussion",
    "installation",
    "label",
    "member",
    "milestone",
    "package",
    "pull_request",
    "release",
    "sponsorship",
    "workflow_job",
    "workflow_run",
];

fn mark(event_type: &str) -> Option<&str> {
    let listed = MARKS.iter().find(|(name, _)| *name == event_type).map(|(_, field)| *field);
    listed.or_else(|| SELF_NAMED.contains(&event_type).then_some(event_type))
}

/// The fields of a body that matter here.
#[derive(Default)]
pub(super) struct Body<'a> {
    /// False where a body of the claimed type would have a field that this one lacks.
    pub(super) may_be_of_type: bool,
    /// What happened to the object.
    pub(super) action: Scalar<'a>,
    git_ref: Scalar<'a>,
    subject: Object<Subject<'a>>,
    repository: Object<Repository<'a>>,
}

#[derive(Deserialize)]
struct Subject<'a> {
    #[serde(borrow, default)]
    id: Scalar<'a>,
    #[serde(borrow, default)]
    updated_at: Scalar<'a>,
}

#[derive(Deserialize)]
struct Repository<'a> {
    #[serde(borrow, default)]
    id: Scalar<'a>,
    #[serde(borrow, default)]
    pushed_at: Scalar<'a>,
}

impl<'a> Body<'a> {
    /// Reads a body that is claimed to be of a type; `None` where it is not JSON, or gives one of the fields twice.
    pub(super) fn read(json: &'a [u8], event_type: &str) -> Option<Self> {
        let mut json = serde_json::Deserializer::from_str(std::str::from_utf8(json).ok()?);
        let body = Reader { mark: mark(event_type) }.deserialize(&mut json).ok()?;
        json.end().ok()?;
        Some(body)
    }

    /// The object's name and its version in microseconds since 1970.
    pub(super) fn order(&self) -> Option<(Cow<'_, str>, u64)> {
        if let Some(subject) = &self.subject.0
            && let Some(version) = subject.updated_at.date()
        {
            return Some((subject.id.name()?, version));
        }
        let repository = self.repository.0.as_ref()?;
        let pushed = repository.pushed_at.number()?.checked_mul(1_000_000)?;
        Some((format!("{}:{}", repository.id.name()?, self.git_ref.text()?).into(), pushed))
    }
}

struct Reader<'m> {
    mark: Option<&'m str>,
}

impl<'de> serde::de::DeserializeSeed<'de> for Reader<'_> {
    type Value = Body<'de>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Reader<'_> {
    type Value = Body<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut body = Body { may_be_of_type: self.mark.is_none(), ..Body::default() };
        let mut seen = [false; 4];
        while let Some(field) = map.next_key::<Cow<'de, str>>()? {
            let slot = match &*field {
                field if Some(field) == self.mark => 0,
                "action" => 1,
                "ref" => 2,
                "repository" => 3,
                _ => {
                    map.next_value::<IgnoredAny>()?;
                    continue;
                }
            };
            if std::mem::replace(&mut seen[slot], true) {
                return Err(A::Error::custom("a field is given twice"));
            }
            match slot {
                0 => {
                    body.may_be_of_type = true;
                    body.subject = map.next_value()?;
                }
                1 => body.action = map.next_value()?,
                2 => body.git_ref = map.next_value()?,
                _ => body.repository = map.next_value()?,
            }
        }
        Ok(body)
    }
}
