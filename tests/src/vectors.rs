//! Recorded deliveries of real senders.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Uri};
use idempotency_core::Scope;
use idempotency_core::provider::{Incoming, Provider, Received, Rejection};
use serde::Deserialize;

/// One recorded delivery and the expected result.
#[derive(Debug, Clone, Deserialize)]
#[non_exhaustive]
pub struct Vector {
    /// Its unique id.
    pub id: String,
    /// Its name among the vectors of its sender.
    pub name: String,
    /// The secret as configured at the sender; a public key for public-key schemes. Empty if nothing is authenticated.
    #[serde(default, deserialize_with = "text_or_null")]
    pub secret: String,
    /// The other secret, while the sender has two.
    pub secret2: Option<String>,
    /// The certificate or the public key in PEM, where it is not the secret.
    #[serde(default, alias = "public_cert", alias = "public_key_pem")]
    pub public_key: Option<String>,
    /// The audience that a token must have.
    pub expected_audience: Option<String>,
    /// The email address that a token must have.
    pub expected_email: Option<String>,
    #[serde(default)]
    method: Option<String>,
    /// The URL that the sender has; `None` if it does not matter.
    pub url: Option<String>,
    #[serde(default)]
    headers: BTreeMap<String, serde_json::Value>,
    body: Option<String>,
    body_base64: Option<String>,
    now: u64,
    /// Whether its signature is right and fresh.
    pub valid: bool,
    /// The part that must not be trusted, although the signature is right.
    pub attack: Option<String>,
    /// Whether a stricter verifier may refuse it.
    #[serde(default)]
    pub policy_dependent: bool,
    /// The expected key.
    pub event_id: Option<String>,
    /// The expected keys of a request with several events.
    pub event_ids: Option<Vec<String>>,
    /// The expected answer to a handshake.
    pub expected_response: Option<Answer>,
    /// The expected resource of its order.
    pub resource: Option<Expected>,
    /// The expected version of its order.
    pub version: Option<Expected>,
}

fn text_or_null<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

/// An expected answer.
#[derive(Debug, Clone, Deserialize)]
#[non_exhaustive]
pub struct Answer {
    /// Its status.
    pub status: u16,
    /// Some of its headers.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// Its body; `None` if it does not matter.
    pub body: Option<String>,
}

/// An expected field of the order.
#[derive(Debug, Clone, Deserialize)]
#[non_exhaustive]
pub struct Expected {
    /// The kind of version.
    pub kind: Option<String>,
    /// Its value.
    pub value: serde_json::Value,
}

/// The deliveries of one sender: all of them if the folder `shared/vectors` is next to the workspace, or else the few
/// that are committed with the tests. Prints which.
///
/// # Panics
/// If there are none, or they cannot be read: a test is never skipped in silence.
#[must_use]
pub fn load(sender: &str) -> Vec<Vector> {
    let path = file(sender);
    let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let vectors: Vec<Vector> =
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    println!("{} deliveries from {}", vectors.len(), path.display());
    assert!(!vectors.is_empty(), "{} holds no deliveries", path.display());
    vectors
}

/// The deliveries of a provider, by the name under which it is served. Two providers of one sender share a file.
#[must_use]
pub fn load_of(provider: &str) -> Vec<Vector> {
    let (file, is_of): (_, fn(&str) -> bool) = match provider {
        "gitlab" => ("gitlab", |name| name.starts_with("static-")),
        "gitlab-signed" => ("gitlab", |name| name.starts_with("signed-")),
        "discord" => ("discord", |name| !name.starts_with("webhook-event")),
        "discord-events" => ("discord", |name| name.starts_with("webhook-event")),
        // Versions 1 and 2 of its signature are no HMAC.
        "hubspot" => ("hubspot", |name| !name.starts_with("official-v")),
        "quickbooks" => ("quickbooks-cloudevents", |_| true),
        "quickbooks-legacy" => ("quickbooks", |_| true),
        name => (name, |_| true),
    };
    let mut vectors = load(file);
    vectors.retain(|vector| is_of(&vector.name));
    vectors
}

fn file(sender: &str) -> PathBuf {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    let all = tests.ancestors().map(|folder| folder.join(format!("shared/vectors/{sender}.json")));
    all.into_iter().find(|path| path.exists()).unwrap_or_else(|| tests.join(format!("vectors/{sender}.json")))
}

/// SHA-256 of the signed text in the sample of Twilio's documentation, computed by hand.
const TWILIOS_SAMPLE: &str = "a1df58169df59c46e08bf93a1a68fe8ede71db5915296fba0d1d64a7873f9880";

impl Vector {
    /// The expected key; `None` where there is none.
    ///
    /// Some recordings of Twilio name only a Sid, which many events share. Their key is the signed hash of the body, or of
    /// the signed text.
    #[must_use]
    pub fn key(&self) -> Option<String> {
        let id = self.event_id.clone()?;
        if !self.id.starts_with("twilio-") || id.contains(':') {
            return Some(id);
        }
        let hash = self.url.as_deref().and_then(|url| url.split_once("bodySHA256="));
        Some(hash.map_or_else(|| format!("form:{TWILIOS_SAMPLE}"), |(_, hash)| format!("body:{hash}")))
    }

    /// The request as it arrives.
    ///
    /// # Panics
    /// If the recording is not a valid request.
    #[must_use]
    pub fn request(&self) -> Request {
        let mut headers = HeaderMap::new();
        for (name, value) in &self.headers {
            let lines = value.as_array().map_or_else(|| vec![value.clone()], Clone::clone);
            for line in lines {
                let line = line.as_str().expect("a header is text");
                let line = HeaderValue::from_bytes(line.as_bytes()).expect("a header's value");
                headers.append(HeaderName::from_bytes(name.as_bytes()).expect("a header's name"), line);
            }
        }
        let body = match &self.body_base64 {
            Some(text) => data_encoding::BASE64.decode(text.as_bytes()).expect("a body in base64"),
            None => self.body.clone().unwrap_or_default().into_bytes(),
        };
        let uri: Uri = self.url.as_deref().unwrap_or("/webhooks").parse().expect("a url");
        let uri = uri.path_and_query().map_or("/", |path| path.as_str()).parse().expect("a path");
        let method = self.method.as_deref().map_or(Ok(Method::POST), str::parse).expect("a method");
        Request { method, uri, headers, body: body.into(), now: Duration::from_secs(self.now) }
    }
}

/// A request for a provider.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Request {
    /// Its method.
    pub method: Method,
    /// Its target.
    pub uri: Uri,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body.
    pub body: Bytes,
    /// The time of its arrival, since 1970.
    pub now: Duration,
}

impl Request {
    /// A POST request with these headers and this body at this time since 1970.
    #[must_use]
    pub fn new(headers: HeaderMap, body: impl Into<Bytes>, now: Duration) -> Self {
        Self { method: Method::POST, uri: Uri::from_static("/webhooks"), headers, body: body.into(), now }
    }

    /// Sets a header.
    ///
    /// # Panics
    /// If it is not a valid header.
    #[must_use]
    pub fn with(mut self, name: &str, value: &str) -> Self {
        let name: HeaderName = name.parse().expect("a header's name");
        self.headers.insert(name, value.parse().expect("a header's value"));
        self
    }

    /// The provider's result in the scope of an endpoint.
    ///
    /// # Errors
    /// The provider's.
    pub fn received_by(&self, provider: &dyn Provider) -> Result<Received, Rejection> {
        self.received_in(&Scope::endpoint("POST /webhooks"), provider)
    }

    /// The provider's result in a scope.
    ///
    /// # Errors
    /// The provider's.
    ///
    /// # Panics
    /// If the provider awaits something, which no provider in these tests does.
    pub fn received_in(&self, scope: &Scope, provider: &dyn Provider) -> Result<Received, Rejection> {
        let incoming = Incoming::new(&self.method, &self.uri, &self.headers, &self.body, self.now, scope);
        let mut received = std::pin::pin!(provider.receive(&incoming));
        match received.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(received) => received,
            Poll::Pending => panic!("{} awaits something", provider.name()),
        }
    }
}

/// The pages about the senders. Their examples must compile and run.
#[cfg(doctest)]
mod pages {
    #[doc = include_str!("../../idempotency-core/docs/providers/README.md")]
    pub struct Providers;
    #[doc = include_str!("../../idempotency-core/docs/providers/stripe.md")]
    pub struct Stripe;
    #[doc = include_str!("../../idempotency-core/docs/providers/shopify.md")]
    pub struct Shopify;
    #[doc = include_str!("../../idempotency-core/docs/providers/twilio.md")]
    pub struct Twilio;
    #[doc = include_str!("../../idempotency-core/docs/providers/github.md")]
    pub struct Github;
    #[doc = include_str!("../../idempotency-core/docs/providers/slack.md")]
    pub struct Slack;
    #[doc = include_str!("../../idempotency-core/docs/providers/standard-webhooks.md")]
    pub struct StandardWebhooks;
    #[doc = include_str!("../../idempotency-core/docs/providers/idempotency-key.md")]
    pub struct IdempotencyKey;
    #[doc = include_str!("../../idempotency-core/docs/providers/content-key.md")]
    pub struct ContentKey;
    #[doc = include_str!("../../idempotency-core/docs/providers/custom.md")]
    pub struct Custom;
    #[doc = include_str!("../../idempotency-core/docs/providers/public-keys.md")]
    pub struct PublicKeys;
    #[doc = include_str!("../../idempotency-core/docs/providers/registry.md")]
    pub struct Registry;
    #[doc = include_str!("../../idempotency-core/docs/providers/scheme.md")]
    pub struct Scheme;
    #[doc = include_str!("../../idempotency-core/docs/providers/secrets.md")]
    pub struct Secrets;
    // The pages of the senders are made from three examples: with a secret, with a URL, and of a batch.
    #[doc = include_str!("../../idempotency-core/docs/providers/senders/paddle.md")]
    pub struct SenderWithSecret;
    #[doc = include_str!("../../idempotency-core/docs/providers/senders/square.md")]
    pub struct SenderWithUrl;
    #[doc = include_str!("../../idempotency-core/docs/providers/senders/hubspot.md")]
    pub struct SenderOfBatches;
    // Those of the senders whose provider is code are each their own.
    #[doc = include_str!("../../idempotency-core/docs/providers/senders/adyen.md")]
    pub struct AdyenPage;
    #[doc = include_str!("../../idempotency-core/docs/providers/senders/braintree.md")]
    pub struct BraintreePage;
    #[doc = include_str!("../../idempotency-core/docs/providers/senders/cloudevents.md")]
    pub struct CloudeventsPage;
    #[doc = include_str!("../../idempotency-core/docs/providers/senders/cloudinary.md")]
    pub struct CloudinaryPage;
    #[doc = include_str!("../../idempotency-core/docs/providers/senders/contentful.md")]
    pub struct ContentfulPage;
    #[doc = include_str!("../../idempotency-core/docs/providers/senders/figma.md")]
    pub struct FigmaPage;
    #[doc = include_str!("../../idempotency-core/docs/providers/senders/mailgun.md")]
    pub struct MailgunPage;
    #[doc = include_str!("../../idempotency-core/docs/providers/senders/mandrill.md")]
    pub struct MandrillPage;
    #[doc = include_str!("../../idempotency-core/docs/providers/senders/microsoft-graph.md")]
    pub struct MicrosoftGraphPage;
    #[doc = include_str!("../../idempotency-core/docs/providers/senders/aws-sns.md")]
    pub struct AwsSnsPage;
    #[doc = include_str!("../../idempotency-core/docs/providers/senders/google-pubsub.md")]
    pub struct GooglePubsubPage;
    #[doc = include_str!("../../idempotency-core/docs/providers/senders/livekit.md")]
    pub struct LivekitPage;
    #[doc = include_str!("../../idempotency-core/docs/providers/senders/monday.md")]
    pub struct MondayPage;
    #[doc = include_str!("../../idempotency-core/docs/providers/senders/netlify.md")]
    pub struct NetlifyPage;
    #[doc = include_str!("../../idempotency-core/docs/providers/senders/paypal.md")]
    pub struct PaypalPage;
    #[doc = include_str!("../../idempotency-core/docs/providers/senders/plaid.md")]
    pub struct PlaidPage;
    #[doc = include_str!("../../idempotency-core/docs/providers/senders/qstash.md")]
    pub struct QstashPage;
    #[doc = include_str!("../../idempotency-core/docs/providers/senders/wise.md")]
    pub struct WisePage;
}
