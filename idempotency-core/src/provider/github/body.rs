//! GitHub's body: whether it fits the event type in the unsigned header, and its order.

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde::de::{DeserializeSeed as _, Deserializer, Error as _, IgnoredAny, MapAccess, Visitor};

use crate::provider::json::{Object, Scalar};
use crate::provider::name::Name;
use crate::provider::snapshots::Position;

/// Event types, each with a field that its body always has. [`SELF_NAMED`] has the other known types.
const TYPE_FIELDS: [(&str, &str); 16] = [
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

/// Event types whose body has a field of the same name.
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

/// Event types whose object has an `id` and an `updated_at`, and `push`, which has a ref and the repository's `pushed_at`.
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

/// Whether events of a type have an order.
pub(super) fn is_ordered(event_type: &str) -> bool {
    ORDERED.contains(&event_type)
}

/// A field that every body of a type has. `None` if the type is unknown.
fn field_of_type(event_type: &str) -> Option<&str> {
    let listed = TYPE_FIELDS.iter().find(|(name, _)| *name == event_type).map(|(_, field)| *field);
    listed.or_else(|| SELF_NAMED.contains(&event_type).then_some(event_type))
}

/// The fields of a body that matter here.
#[derive(Default)]
pub(super) struct Body<'a> {
    /// False if the body lacks a field that every body of the claimed type has.
    pub(super) may_be_of_type: bool,
    /// The change to the object.
    pub(super) action: Scalar<'a>,
    git_ref: Scalar<'a>,
    subject: Object<Subject<'a>>,
    /// The name of the field that holds `subject`.
    field: Cow<'a, str>,
    /// The prefix of a comment's kind, since comments on issues, pull requests and commits are numbered separately.
    comment_prefix: &'static str,
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
    /// Reads a body of a claimed type. `None` if it is not JSON, or repeats one of the fields.
    pub(super) fn read(json: &'a [u8], event_type: &str) -> Option<Self> {
        let mut json = serde_json::Deserializer::from_str(std::str::from_utf8(json).ok()?);
        let body = Reader { type_field: field_of_type(event_type) }.deserialize(&mut json).ok()?;
        json.end().ok()?;
        Some(body)
    }

    /// The installation of the app that received the event. Absent for webhooks of repositories and organizations.
    pub(super) fn installation(&self) -> Option<Cow<'_, str>> {
        self.installation.name()
    }

    /// The object, and the time of its update in microseconds since 1970.
    pub(super) fn position(&self) -> Option<Position<'_>> {
        const PER_SECOND: u64 = 1_000_000;
        if let Some(subject) = &self.subject.0 {
            let (name, version) = (subject.id.name()?, subject.updated_at.date()?);
            let kind = match &*self.field {
                "comment" => format!("{}comment", self.comment_prefix).into(),
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

struct Reader<'t> {
    type_field: Option<&'t str>,
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
        let mut body = Body { may_be_of_type: self.type_field.is_none(), ..Body::default() };
        let mut seen = [false; 5];
        while let Some(Name(name)) = map.next_key()? {
            let Some(field) = name else {
                map.next_value::<IgnoredAny>()?;
                continue;
            };
            body.comment_prefix = match &*field {
                "issue" => "issue_",
                "pull_request" => "pull_request_",
                "discussion" => "discussion_",
                _ => body.comment_prefix,
            };
            let slot = match &*field {
                field if Some(field) == self.type_field => 0,
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
                return Err(A::Error::custom("a field is repeated"));
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
