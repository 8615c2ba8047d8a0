//! A message of Amazon SNS, and the text that its signature covers.

use serde::Deserialize;

use crate::provider::Rejection;
use crate::provider::json::{self, Text};

/// The kind of a message, which the signature covers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Notification,
    SubscriptionConfirmation,
    UnsubscribeConfirmation,
}

impl Kind {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Notification => "Notification",
            Self::SubscriptionConfirmation => "SubscriptionConfirmation",
            Self::UnsubscribeConfirmation => "UnsubscribeConfirmation",
        }
    }
}

/// A message whose signature is not checked yet.
pub(super) struct Message<'a> {
    kind: Kind,
    fields: Fields<'a>,
}

impl<'a> Message<'a> {
    /// Reads a message. All fields that its signature needs are there, and each is a text.
    pub(super) fn parse(body: &'a [u8]) -> Result<Self, Rejection> {
        let incomplete = Rejection::unauthenticated("the body is not a signed message");
        let Some(fields) = json::fields::<Fields<'a>>(body) else { return Err(incomplete) };
        let kinds = [Kind::Notification, Kind::SubscriptionConfirmation, Kind::UnsubscribeConfirmation];
        let kind = kinds.into_iter().find(|kind| fields.kind.as_deref() == Some(kind.name()));
        let Some(kind) = kind else { return Err(incomplete) };
        let needed = [
            &fields.message,
            &fields.message_id,
            &fields.timestamp,
            &fields.topic_arn,
            &fields.signature,
            &fields.signing_cert_url,
        ];
        let of_confirmation = [&fields.token, &fields.subscribe_url];
        let is_whole = needed.iter().all(|field| field.is_some())
            && (kind == Kind::Notification || of_confirmation.iter().all(|field| field.is_some()));
        match is_whole {
            true => Ok(Self { kind, fields }),
            false => Err(incomplete),
        }
    }

    pub(super) fn kind(&self) -> Kind {
        self.kind
    }

    pub(super) fn id(&self) -> &str {
        self.fields.message_id.as_deref().unwrap_or_default()
    }

    /// When it was published. A retry has the same time.
    pub(super) fn time(&self) -> &str {
        self.fields.timestamp.as_deref().unwrap_or_default()
    }

    pub(super) fn topic(&self) -> &str {
        self.fields.topic_arn.as_deref().unwrap_or_default()
    }

    pub(super) fn certificate_url(&self) -> &str {
        self.fields.signing_cert_url.as_deref().unwrap_or_default()
    }

    pub(super) fn signature(&self) -> &str {
        self.fields.signature.as_deref().unwrap_or_default()
    }

    pub(super) fn signature_version(&self) -> Option<&str> {
        self.fields.signature_version.as_deref()
    }

    /// The signed text: the name and the value of each signed field, each followed by a line break.
    pub(super) fn signed_text(&self) -> String {
        let mut text = String::new();
        for (name, value) in self.signed_fields() {
            text.extend([name, "\n", value, "\n"]);
        }
        text
    }

    /// The signed fields that are there, in the order of the signed text.
    fn signed_fields(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let Fields { message, message_id, subject, subscribe_url, timestamp, token, topic_arn, kind, .. } =
            &self.fields;
        let is_notification = self.kind == Kind::Notification;
        let named = [
            ("Message", message, true),
            ("MessageId", message_id, true),
            ("Subject", subject, is_notification),
            ("SubscribeURL", subscribe_url, !is_notification),
            ("Timestamp", timestamp, true),
            ("Token", token, !is_notification),
            ("TopicArn", topic_arn, true),
            ("Type", kind, true),
        ];
        let signed = named.into_iter().filter(|(.., is_signed)| *is_signed);
        signed.filter_map(|(name, value, _)| Some((name, value.as_deref()?)))
    }

    /// Refuses a message whose signed text could be cut into other fields. Only `Message`, which comes first, may have line
    /// breaks, and the id is a UUID.
    pub(super) fn check_borders(&self) -> Result<(), Rejection> {
        let has_break = |(name, value): (&str, &str)| name != "Message" && value.contains(['\n', '\r']);
        if self.signed_fields().any(has_break) || !is_uuid(self.id()) {
            return Err(Rejection::malformed("a signed field has a line break, or the id is not a uuid"));
        }
        Ok(())
    }
}

fn is_uuid(text: &str) -> bool {
    text.len() == 36
        && text.bytes().enumerate().all(|(at, byte)| match at {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => matches!(byte, b'0'..=b'9' | b'a'..=b'f'),
        })
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Fields<'a> {
    #[serde(borrow, default, rename = "Type")]
    kind: Option<Text<'a>>,
    #[serde(borrow, default)]
    message: Option<Text<'a>>,
    #[serde(borrow, default)]
    message_id: Option<Text<'a>>,
    #[serde(borrow, default)]
    subject: Option<Text<'a>>,
    #[serde(borrow, default, rename = "SubscribeURL")]
    subscribe_url: Option<Text<'a>>,
    #[serde(borrow, default)]
    timestamp: Option<Text<'a>>,
    #[serde(borrow, default)]
    token: Option<Text<'a>>,
    #[serde(borrow, default)]
    topic_arn: Option<Text<'a>>,
    #[serde(borrow, default)]
    signature: Option<Text<'a>>,
    #[serde(borrow, default)]
    signature_version: Option<Text<'a>>,
    #[serde(borrow, default, rename = "SigningCertURL")]
    signing_cert_url: Option<Text<'a>>,
}
