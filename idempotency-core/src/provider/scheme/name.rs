//! The name of a member of a JSON object.

use std::borrow::Cow;

use serde::de::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use crate::provider::plain;

/// The name of a member, as it is written.
pub(super) struct Name<'a>(&'a str);

impl<'a> Name<'a> {
    /// `None` if it has a lone surrogate, so that it is no text. It may not be the name that is looked for, but is no reason to refuse
    /// the other members.
    pub(super) fn text(&self) -> Option<Cow<'a, str>> {
        plain::text(self.0)
    }
}

impl<'de> Deserialize<'de> for Name<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // A parser that is asked for a text refuses the whole body for a lone surrogate.
        <&RawValue>::deserialize(deserializer).map(|name| Self(name.get()))
    }
}
