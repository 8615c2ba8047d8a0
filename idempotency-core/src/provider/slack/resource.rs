//! What Slack's events are about: the types of which that is known, and the fields that identify it.

use serde::Deserialize;

use crate::provider::json::{Object, Scalar};

/// What identifies the thing that events of a type are about.
#[derive(Clone, Copy)]
pub(super) enum IdentifiedBy {
    Channel,
    /// A user in a channel.
    Member,
    /// A reaction of one user to one item.
    Reaction,
    /// An item that is pinned in a channel.
    Pin,
    /// An item that one user marked.
    Star,
    User,
    /// A user's do-not-disturb state.
    Rest,
    UserGroup,
    File,
}

/// The types that can be ordered; `None` for any other.
pub(super) fn identified_by(event_type: &str) -> Option<IdentifiedBy> {
    Some(match event_type {
        "channel_archive" | "channel_created" | "channel_deleted" | "channel_rename"
        | "channel_unarchive" | "channel_shared" | "channel_unshared" | "channel_id_changed"
        | "group_archive" | "group_deleted" | "group_rename" | "group_unarchive" => IdentifiedBy::Channel,
        "member_joined_channel" | "member_left_channel" => IdentifiedBy::Member,
        "reaction_added" | "reaction_removed" => IdentifiedBy::Reaction,
        "pin_added" | "pin_removed" => IdentifiedBy::Pin,
        "star_added" | "star_removed" => IdentifiedBy::Star,
        "team_join"
        | "user_change"
        | "user_profile_changed"
        | "user_status_changed"
        | "user_huddle_changed" => IdentifiedBy::User,
        "dnd_updated" | "dnd_updated_user" => IdentifiedBy::Rest,
        "subteam_created" | "subteam_updated" => IdentifiedBy::UserGroup,
        "file_change" | "file_created" | "file_deleted" | "file_public" => IdentifiedBy::File,
        _ => return None,
    })
}

/// The event inside of an event's envelope.
#[derive(Deserialize)]
pub(super) struct Inner<'a> {
    #[serde(borrow, default, rename = "type")]
    pub(super) kind: Scalar<'a>,
    #[serde(borrow, default)]
    pub(super) event_ts: Scalar<'a>,
    #[serde(borrow, default)]
    channel: Scalar<'a>,
    #[serde(borrow, default)]
    channel_id: Scalar<'a>,
    #[serde(borrow, default)]
    user: Scalar<'a>,
    #[serde(borrow, default)]
    reaction: Scalar<'a>,
    #[serde(borrow, default)]
    subteam: Scalar<'a>,
    #[serde(borrow, default)]
    file_id: Scalar<'a>,
    #[serde(borrow, default)]
    item: Object<Item<'a>>,
}

#[derive(Deserialize)]
struct Item<'a> {
    #[serde(borrow, default)]
    channel: Scalar<'a>,
    #[serde(borrow, default)]
    ts: Scalar<'a>,
    #[serde(borrow, default)]
    message: Object<Message<'a>>,
    #[serde(borrow, default)]
    file: Scalar<'a>,
    #[serde(borrow, default)]
    file_comment: Scalar<'a>,
}

#[derive(Deserialize)]
struct Message<'a> {
    #[serde(borrow, default)]
    ts: Scalar<'a>,
}

impl Inner<'_> {
    /// The kind and the name of what the event is about; `None` where its type is not known or a field is missing.
    pub(super) fn resource(&self) -> Option<(&'static str, String)> {
        let channel = || self.channel.text().or_else(|| self.channel_id.text());
        let user = || self.user.text();
        Some(match identified_by(self.kind.text()?)? {
            IdentifiedBy::Channel => ("channel", channel()?.to_owned()),
            IdentifiedBy::Member => ("member", format!("{}:{}", channel()?, user()?)),
            IdentifiedBy::Reaction => {
                let item = self.item.0.as_ref()?.name()?;
                ("reaction", format!("{item}:{}:{}", user()?, self.reaction.text()?))
            }
            IdentifiedBy::Pin => {
                ("pin", format!("{}:{}", channel().unwrap_or_default(), self.item.0.as_ref()?.name()?))
            }
            IdentifiedBy::Star => ("star", format!("{}:{}", user()?, self.item.0.as_ref()?.name()?)),
            IdentifiedBy::User => ("user", user()?.to_owned()),
            IdentifiedBy::Rest => ("dnd", user()?.to_owned()),
            IdentifiedBy::UserGroup => ("subteam", self.subteam.text()?.to_owned()),
            IdentifiedBy::File => ("file", self.file_id.text()?.to_owned()),
        })
    }
}

impl Item<'_> {
    /// A message by its channel and its time, or a file, or the comment on one. A channel alone is no item: what else it
    /// is about is not known.
    fn name(&self) -> Option<String> {
        let message = self.message.0.as_ref();
        let ts = self.ts.text().or_else(|| message?.ts.text());
        if let Some(ts) = ts {
            return Some(format!("{}:{ts}", self.channel.text().unwrap_or_default()));
        }
        self.file_comment.text().or_else(|| self.file.text()).map(ToOwned::to_owned)
    }
}
