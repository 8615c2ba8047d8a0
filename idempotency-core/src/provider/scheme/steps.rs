//! The steps that describe a scheme.

use std::time::Duration;

use super::secret_form::{RefusedSecrets, SecretForm};
use super::settings::{Age, Headers, Time};
use super::{Encoding, Handshake, OrderPlaces, Place, Scheme, TimeUnit, VersionForm};
use crate::provider::endpoint_url::EndpointUrl;

/// The signature.
impl Scheme {
    /// The header with the signature, the token or the credentials. Required.
    pub const fn signature_header(mut self, name: &'static str) -> Self {
        self.headers = Headers::One(name);
        self
    }

    /// Several headers that may hold a signature, such as one for each key during a rotation. All are tried.
    pub const fn signature_headers(mut self, names: &'static [&'static str]) -> Self {
        self.headers = Headers::Several(names);
        self
    }

    /// Accepts several lines of the signature header, all of which are tried. Default: a repeated header is refused.
    pub const fn repeatable(mut self) -> Self {
        self.is_repeatable = true;
        self
    }

    /// The text before the signature, such as `sha256=`. Default: none.
    pub const fn prefix(mut self, prefix: &'static str) -> Self {
        self.prefix = prefix;
        self
    }

    /// The header is a list. Each item that begins with the [prefix](Self::prefix) is tried as a signature; other items are
    /// ignored. Spaces around items are ignored, and in a list that is separated by spaces a comma at the end of an item. Default:
    /// the header is one signature.
    pub const fn items(mut self, separator: char) -> Self {
        self.separator = Some(separator);
        self
    }

    /// The signature is lower-case hexadecimal. This is the default.
    pub const fn hex(mut self) -> Self {
        self.encoding = Encoding::Hex;
        self
    }

    /// The signature is padded base64. Default: hexadecimal.
    pub const fn base64(mut self) -> Self {
        self.encoding = Encoding::Base64;
        self
    }

    /// The signature is base64 for URLs, without padding. Default: hexadecimal.
    pub const fn base64_url(mut self) -> Self {
        self.encoding = Encoding::Base64Url;
        self
    }

    /// The template of the signed text. Default: `{body}`, the body alone.
    ///
    /// | Part | Stands for |
    /// |---|---|
    /// | `{body}` | the body's bytes; required |
    /// | `{timestamp}` | the time, as the sender writes it |
    /// | `{id}` | the header that holds the key |
    /// | `{header:<name>}` | another header |
    /// | `{url}` | the endpoint's URL, as given to [`with_url`](Self::with_url) |
    /// | `{method}` | the method |
    ///
    /// Text between the parts stays as it is. A request is refused if a signed header contains the separator next to it,
    /// because the parts could then be split in another way. The scheme page has all such rules, under "Ambiguous boundaries".
    pub const fn signing(mut self, template: &'static str) -> Self {
        self.signed_text = template;
        self
    }

    /// The secret is base64 after a prefix, such as `whsec_`, which may be missing. Default: the secret is text.
    pub const fn secret_in_base64(mut self, prefix: &'static str) -> Self {
        self.secret_form = SecretForm::Base64(prefix);
        self
    }

    /// The secret is base64 after a prefix, or it is text. The secret does not show which, so both are tried. For a sender that
    /// changed how it uses its secrets. Default: the secret is text.
    pub const fn secret_in_base64_or_text(mut self, prefix: &'static str) -> Self {
        self.secret_form = SecretForm::Base64OrText(prefix);
        self
    }

    /// The secret is hexadecimal. Default: the secret is text.
    pub const fn secret_in_hex(mut self) -> Self {
        self.secret_form = SecretForm::Hex;
        self
    }

    /// The sender normalizes the secret to Unicode's form NFKD. Default: the secret is used byte for byte.
    pub const fn secret_in_nfkd(mut self) -> Self {
        self.secret_form = SecretForm::Nfkd;
        self
    }

    /// Refuses the sender's credentials of another kind, such as API keys, by how they begin. The error says that the secret
    /// is not `expected`, such as "the webhook's secret". Default: none.
    pub const fn refusing(mut self, prefixes: &'static [&'static str], expected: &'static str) -> Self {
        self.refused_secrets = RefusedSecrets { prefixes, expected };
        self
    }
}

/// The time.
impl Scheme {
    /// The header with the signed time. The template must have `{timestamp}`. Default: no time.
    pub const fn timestamp_header(mut self, name: &'static str) -> Self {
        self.time = Time::Header(name);
        self
    }

    /// The prefix of the item with the signed time in the signature header, such as `t=`. The template must have
    /// `{timestamp}`. Default: no time.
    pub const fn timestamp_item(mut self, prefix: &'static str) -> Self {
        self.time = Time::Item(prefix);
        self
    }

    /// The JSON pointer to the time in the signed body. Default: no time.
    pub const fn timestamp_in_body(mut self, pointer: &'static str) -> Self {
        self.time = Time::Json(pointer);
        self
    }

    /// The unit of the time. Default: seconds.
    pub const fn time_unit(mut self, unit: TimeUnit) -> Self {
        self.unit = Some(unit);
        self
    }

    /// The allowed clock skew of the signed time, in either direction. Default: 300 s.
    pub const fn tolerance(mut self, tolerance: Duration) -> Self {
        self.age = Age::Within(tolerance);
        self
    }

    /// Refuses a signed time in the future, even within the tolerance. For senders that do. Default: accepted.
    pub const fn past_only(mut self) -> Self {
        self.is_past_only = true;
        self
    }

    /// Accepts a signed time of any age. For senders that repeat the time of the first attempt. Default: 300 s.
    pub const fn any_age(mut self) -> Self {
        self.age = Age::Any;
        self
    }
}

/// The key and what goes with it.
impl Scheme {
    /// Where the key is. Required.
    ///
    /// It must be the same on each attempt, and differ between any two events.
    pub const fn key_in(mut self, place: Place) -> Self {
        self.key = Some(place);
        self
    }

    /// Where the event's type is, which becomes an attribute. Default: none.
    pub const fn type_in(mut self, place: Place) -> Self {
        self.event_type = Some(place);
        self
    }

    /// The sender's requests have nothing that tells a retry from the next event. Such a request only says that something
    /// changed, and two of them may be equal byte for byte.
    ///
    /// **Nothing is deduplicated**: the handler runs for every verified request, without a claim. It must be safe to run twice,
    /// such as by reading the changes since a cursor. A digest as the key would drop each event that is equal to an
    /// earlier one. Default: a key is required.
    pub const fn without_key(mut self) -> Self {
        self.is_keyless = true;
        self
    }

    /// Where the account is, such as a merchant or a workspace. It narrows the scope. It must be signed if the key is.
    /// Default: none.
    pub const fn account_in(mut self, place: Place) -> Self {
        self.account = Some(place);
        self
    }

    /// Where the order is: the resource that an event is about, such as a subscription, and its version, which grows with each
    /// change. Both must be signed, and so must the type.
    ///
    /// It has an effect only for the types named to [`discarding_stale`](crate::provider::SchemeProvider::discarding_stale). An equal version is
    /// not older. An event without the resource, or without a version in this form, runs and is observed as unordered, and so
    /// does one whose time is more than 300 s ahead of the local clock. Default: no order.
    ///
    /// Only for versions that the sender documents as growing with each change of the resource: with any other, events are
    /// lost.
    pub const fn ordered_by(mut self, resource: Place, version: Place, form: VersionForm) -> Self {
        self.order = Some(OrderPlaces { resource, version, form });
        self
    }

    /// JSON pointers to the fields that the sender changes from attempt to attempt, such as a counter. They are left out of
    /// the body's digest. Default: none.
    pub const fn differing_between_attempts(mut self, pointers: &'static [&'static str]) -> Self {
        self.differing = pointers;
        self
    }

    /// Where the events are, for a sender that puts several into one request: a pointer in which `*` stands for each element of a
    /// list, such as `/events/*`. `/*` is a body that is a list, and `/entry/*/changes/*` a list in a list. Default: the
    /// request is one event.
    ///
    /// The provider then always returns a [`Batch`](crate::provider::Received::Batch), even of one event, and the places of
    /// key, type and account are in the event. A request without the list is refused: a message of another form is not taken
    /// for an empty one. An event without a key makes the whole request refused.
    pub const fn events_in(mut self, path: &'static str) -> Self {
        self.events = Some(path);
        self
    }

    /// The most events in a request. A request with more is refused. Default: 10,000, far above what senders document, to
    /// bound the claims of one request.
    pub const fn max_events(mut self, count: usize) -> Self {
        self.max_events = Some(count);
        self
    }

    /// The handshake by which the sender checks an endpoint. Default: none.
    pub const fn handshake(mut self, handshake: Handshake) -> Self {
        self.handshake = handshake;
        self
    }

    /// Further methods that carry deliveries, such as `PUT`, for senders whose method is configured. Default: POST only.
    pub const fn methods(mut self, methods: &'static [&'static str]) -> Self {
        self.methods = methods;
        self
    }

    /// The largest body in bytes, for senders with larger bodies than the policy's default, 1 MiB.
    pub const fn body_limit(mut self, bytes: usize) -> Self {
        self.body_limit = Some(bytes);
        self
    }

    /// The retention. Default: 7 days. It is always at least twice the [retry horizon](Self::retries_for).
    pub const fn retention(mut self, retention: Duration) -> Self {
        self.retention = retention;
        self
    }
}

/// The endpoint.
impl Scheme {
    /// Sets the endpoint's URL exactly as the sender has it, for senders that [sign it](Self::is_url_signed). Default: none.
    pub fn with_url(mut self, url: impl AsRef<str>) -> Self {
        self.url = Some(EndpointUrl::new(url.as_ref()));
        self
    }
}
