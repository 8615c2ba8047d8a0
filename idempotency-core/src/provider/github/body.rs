//! What GitHub's body says of itself: whether it can be of the type that the unsigned header names, and its order.

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde::de::{DeserializeSeed as _, Deserializer, Error as _, IgnoredAny, MapAccess, Visitor};

use crate::provider::json::{Object, Scalar};
use crate::provider::snapshots::Position;

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
const SELF_NAMED: [&str; 16] = [
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
    "repository",
    "sponsorship",
    "workflow_job",
    "workflow_run",
];

/// Types of event whose object has an `id` and an `updated_at`; `push` has its ref and the repository's `pushed_at`.
const ORDERED: [&str; 15] = [
    "check_suite",
    "commit_comment",
    "deployment",
    "deployment_status",
    "discussion",
    "discussion_comment",
    "issue_comment",
    "issues",
    "milestone",
    "package",
    "pull_request",
    "pull_request_review_comment",
    "push",
    "repository",
    "workflow_run",
];

/// Whether an order can be read of events of a type.
pub(super) fn is_ordered(event_type: &str) -> bool {
    ORDERED.contains(&event_type)
}

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
    /// The field that `subject` stands in.
    field: Cow<'a, str>,
    /// What a comment is on: comments of issues, pull requests and commits are numbered apart.
    parent: &'static str,
    repository: Object<Repository<'a>>,
    installation: Scalar<'a>,
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

    /// The installation that an App got it for. Absent at the hooks of repositories and organizations.
    pub(super) fn installation(&self) -> Option<Cow<'_, str>> {
        self.installation.name()
    }

    /// The object, and when it was updated in microseconds since 1970.
    pub(super) fn position(&self) -> Option<Position<'_>> {
        const PER_SECOND: u64 = 1_000_000;
        if let Some(subject) = &self.subject.0 {
            let (name, version) = (subject.id.name()?, subject.updated_at.date()?);
            let kind = match &*self.field {
                "comment" => format!("{}comment", self.parent).into(),
                field => Cow::Borrowed(field),
            };
            return Some(Position { kind, name, version, per_second: PER_SECOND });
        }
        let repository = self.repository.0.as_ref()?;
        let version = repository.pushed_at.number()?.checked_mul(PER_SECOND)?;
        let name = format!("{}:{}", repository.id.name()?, self.git_ref.text()?).into();
        Some(Position { kind: "ref".into(), name, version, per_second: PER_SECOND })
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
        let mut seen = [false; 5];
        while let Some(field) = map.next_key::<Cow<'de, str>>()? {
            body.parent = match &*field {
                "issue" => "issue_",
                "pull_request" => "pull_request_",
                "discussion" => "discussion_",
                _ => body.parent,
            };
            let slot = match &*field {
                field if Some(field) == self.mark => 0,
                "action" => 1,
                "ref" => 2,
                "repository" => 3,
                "installation" => 4,
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
                    body.field = field;
                }
                1 => body.action = map.next_value()?,
                2 => body.git_ref = map.next_value()?,
                3 => body.repository = map.next_value()?,
                _ => body.installation = map.next_value()?,
            }
        }
        Ok(body)
    }
}
