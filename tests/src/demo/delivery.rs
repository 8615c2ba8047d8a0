//! Deliveries, signed with the secrets of the test servers.

use std::time::Duration;

use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, Method};
use idempotency_core::{clock, testing};

const STRIPE: &str = "whsec_tests_stripe";
const SHOPIFY: &str = "tests_shopify_secret";
const TWILIO: &str = "tests_twilio_token";
const GITHUB: &str = "tests_github_secret";
const SLACK: &str = "tests_slack_secret";
const STANDARD_WEBHOOKS: &str = "whsec_dGVzdHMtc3RhbmRhcmQtd2ViaG9va3Mtc2VjcmV0";

/// The senders of webhooks, by their names in the routes.
pub const SENDERS: [&str; 6] = ["stripe", "shopify", "twilio", "github", "slack", "standard-webhooks"];

/// The servers' secrets, by environment variable.
pub const SECRETS: [(&str, &str); 6] = [
    ("STRIPE_WEBHOOK_SECRET", STRIPE),
    ("SHOPIFY_API_SECRET", SHOPIFY),
    ("TWILIO_AUTH_TOKEN", TWILIO),
    ("GITHUB_WEBHOOK_SECRET", GITHUB),
    ("SLACK_SIGNING_SECRET", SLACK),
    ("STANDARD_WEBHOOKS_SECRET", STANDARD_WEBHOOKS),
];

/// The URL that Twilio has for the servers.
pub const TWILIO_URL: &str = "https://hooks.example.com/webhooks/twilio";

/// A request to a server.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Delivery {
    /// The method.
    pub method: Method,
    /// Path and query.
    pub target: String,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
}

impl Delivery {
    /// A POST.
    #[must_use]
    pub fn post(target: impl Into<String>, headers: HeaderMap, body: impl Into<Bytes>) -> Self {
        Self { method: Method::POST, target: target.into(), headers, body: body.into() }
    }

    /// A GET.
    #[must_use]
    pub fn get(target: impl Into<String>) -> Self {
        Self { method: Method::GET, ..Self::post(target, HeaderMap::new(), "") }
    }

    /// Adds a query that steers the handler, such as `delay_ms=500`.
    #[must_use]
    pub fn steered(mut self, query: &str) -> Self {
        let separator = if self.target.contains('?') { '&' } else { '?' };
        self.target = format!("{}{separator}{query}", self.target);
        self
    }

    /// An issue at GitHub: a delivery without an order, whose key is a header.
    #[must_use]
    pub fn github(id: &str) -> Self {
        let body = format!(r#"{{"action":"opened","issue":{{"title":"about {id}"}}}}"#);
        let headers = testing::github(GITHUB, id, "issues", body.as_bytes());
        Self::post("/webhooks/github", headers, body)
    }

    /// A paid invoice at Stripe.
    #[must_use]
    pub fn stripe(id: &str) -> Self {
        let body = format!(
            r#"{{"id":"{id}","object":"event","type":"invoice.paid","created":1767225600,"data":{{"object":{{"id":"in_{id}"}}}}}}"#
        );
        Self::post("/webhooks/stripe", testing::stripe(STRIPE, body.as_bytes(), unix_time()), body)
    }

    /// An order at Shopify.
    #[must_use]
    pub fn shopify(id: &str) -> Self {
        let body = format!(r#"{{"id":820982911946154500,"note":"about {id}"}}"#);
        let headers = testing::shopify(SHOPIFY, id, "orders/create", body.as_bytes());
        Self::post("/webhooks/shopify", headers, body)
    }

    /// A delivered message at Twilio with `number` in its Sid, sent to a URL with this query.
    #[must_use]
    pub fn twilio(number: u128, query: &str) -> Self {
        let body = format!("MessageSid=SM{number:032x}&MessageStatus=delivered&To=%2B18005551212");
        let query = if query.is_empty() { String::new() } else { format!("?{query}") };
        let headers = testing::twilio(TWILIO, &format!("{TWILIO_URL}{query}"), body.as_bytes());
        Self::post(format!("/webhooks/twilio{query}"), headers, body)
    }

    /// A message at Slack.
    #[must_use]
    pub fn slack(id: &str) -> Self {
        Self::slack_body(&format!(
            r#"{{"type":"event_callback","team_id":"T1","event_id":"{id}","event":{{"type":"message","text":"about {id}"}}}}"#
        ))
    }

    /// A delivery of this body by Slack.
    #[must_use]
    pub fn slack_body(body: &str) -> Self {
        let headers = testing::slack(SLACK, body.as_bytes(), unix_time());
        Self::post("/webhooks/slack", headers, body.to_owned())
    }

    /// An event about a user by Standard Webhooks. Its version is the second `at` of a fixed minute.
    #[must_use]
    pub fn user(id: &str, event_type: &str, user: &str, at: u32) -> Self {
        let time = format!("2026-01-01T00:00:{at:02}Z");
        let body = format!(r#"{{"type":"{event_type}","timestamp":"{time}","data":{{"id":"{user}"}}}}"#);
        let headers = testing::standard_webhooks(STANDARD_WEBHOOKS, id, body.as_bytes(), unix_time());
        Self::post("/webhooks/standard-webhooks", headers, body)
    }

    /// A payment by a client of the API.
    ///
    /// # Panics
    /// If the text of a header is not printable ASCII.
    #[must_use]
    pub fn payment(authorization: &str, key: &str, amount: u32) -> Self {
        let value = |text: &str| HeaderValue::from_str(text).expect("printable ascii");
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(AUTHORIZATION, value(authorization));
        headers.insert("idempotency-key", value(key));
        Self::post("/payments", headers, format!(r#"{{"amount":{amount}}}"#))
    }

    /// A delivery of one of the six senders.
    ///
    /// # Panics
    /// If it is not one of [`SENDERS`].
    #[must_use]
    pub fn only(sender: &str, number: u128) -> Self {
        match sender {
            "stripe" => Self::stripe(&format!("evt_{number}")),
            "shopify" => Self::shopify(&format!("shopify-{number}")),
            "twilio" => Self::twilio(number, ""),
            "github" => Self::github(&format!("github-{number}")),
            "slack" => Self::slack(&format!("Ev{number}")),
            "standard-webhooks" => Self::user(&format!("msg_{number}"), "invoice.paid", "in_1", 1),
            _ => panic!("{sender} is not one of the six"),
        }
    }

    /// A delivery of each of the six senders.
    #[must_use]
    pub fn of_each_sender(number: u128) -> [Self; 6] {
        SENDERS.map(|sender| Self::only(sender, number))
    }
}

/// The time since 1970, for senders that sign it.
fn unix_time() -> Duration {
    clock::system_unix_time()
}
