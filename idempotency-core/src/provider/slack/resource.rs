//! The resources of Slack's events: the known types, and the fields that identify their resource.

use serde::Deserialize;

use crate::provider::json::{Object, Scalar};

/// The kind of resource that a type's events are about.
#[derive(Clone, Copy)]
pub(super) enum ResourceKind {
    Channel,
    /// A user in a channel.
    Member,
    /// A reaction of one user to one item.
    Reaction,
    /// An item pinned in a channel.
    Pin,
    /// An item starred by one user.
    Star,
    User,
    /// A user's do-not-disturb state.
    DoNotDisturb,
    UserGroup,
    File,
}

/// The resource kind of a type that can be ordered. `None` for any other type.
pub(super) fn resource_kind(event_type: &str) -> Option<ResourceKind> {
    Some(match event_type {
        "channel_archive" | "channel_created" | "channel_deleted" | "channel_rename"
        | "channel_unarchive" | "channel_shared" | "channel_unshared" | "channel_id_changed"
        | "group_archive" | "group_deleted" | "group_rename" | "group_unarchive" => ResourceKind::Channel,
        "member_joined_channel" | "member_left_channel" => ResourceKind::Member,
        "reaction_added" | "reaction_removed" => ResourceKind::Reaction,
        "pin_added" | "pin_removed" => ResourceKind::Pin,
        "star_added" | "star_removed" => ResourceKind::Star,
        "team_join"
        | "user_change"
        | "user_profile_changed"
        | "user_status_changed"
        | "user_huddle_changed" => ResourceKind::User,
        "dnd_updated" | "dnd_updated_user" => ResourceKind::DoNotDisturb,
        "subteam_created" | "subteam_updated" => ResourceKind::UserGroup,
        "file_change" | "file_created" | "file_deleted" | "file_public" => ResourceKind::File,
        _ => return None,
    })
}

/// The `event` inside the envelope.
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
    /// The kind and the name of the event's resource. `None` if the type is unknown or a field is missing.
    pub(super) fn resource(&self) -> Option<(&'static str, String)> {
        let channel = || self.channel.text().or_else(|| self.channel_id.text());
        let user = || self.user.text();
        Some(match resource_kind(self.kind.text()?)? {
            ResourceKind::Channel => ("channel", channel()?.to_owned()),
            ResourceKind::Member => ("member", format!("{}:{}", channel()?, user()?)),
            ResourceKind::Reaction => {
                let item = self.item.0.as_ref()?.name()?;
                ("reaction", format!("{item}:{}:{}", user()?, self.reaction.text()?))
            }
            ResourceKind::Pin => {
                ("pin", format!("{}:{}", channel().unwrap_or_default(), self.item.0.as_ref()?.name()?))
            }
            ResourceKind::Star => ("star", format!("{}:{}", user()?, self.item.0.as_ref()?.name()?)),
            ResourceKind::User => ("user", user()?.to_owned()),
            ResourceKind::DoNotDisturb => ("dnd", user()?.to_owned()),
            ResourceKind::UserGroup => ("subteam", self.subteam.text()?.to_owned()),
            ResourceKind::File => ("file", self.file_id.text()?.to_owned()),
        })
    }
}

impl Item<'_> {
    /// Names a message by its channel and `ts`, or a file or a file's comment by its id. `None` if only the channel is
    /// known, since that does not identify an item.
    fn name(&self) -> Option<String> {
        let message = self.message.0.as_ref();
        let ts = self.ts.text().or_else(|| message?.ts.text());
        if let Some(ts) = ts {
            return Some(format!("{}:{ts}", self.channel.text().unwrap_or_default()));
        }
        self.file_comment.text().or_else(|| self.file.text()).map(ToOwned::to_owned)
    }
}
