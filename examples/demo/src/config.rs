//! The flags. Each is also an environment variable.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::Parser;
use idempotency_core::Namespace;

use crate::StoreUrl;
use crate::store::StoreUrlParser;

/// Help text after the flags.
const HELP: &str = "\
Routes: POST /webhooks/{stripe,shopify,twilio,github,slack,standard-webhooks}, POST /webhooks/NAME for each sender of the
catalogue and for aws-sns, google-pubsub, livekit, monday, netlify, paypal, plaid and qstash, POST /payments (Authorization and
Idempotency-Key), GET /ledger, GET /healthz.

Secrets, from the environment only: STRIPE_WEBHOOK_SECRET, SHOPIFY_API_SECRET, TWILIO_AUTH_TOKEN, GITHUB_WEBHOOK_SECRET,
SLACK_SIGNING_SECRET, STANDARD_WEBHOOKS_SECRET, and NAME_WEBHOOK_SECRET for the catalogue, such as PADDLE_WEBHOOK_SECRET.
Where one is unset the demo's own is used, with a warning. Square and Trello sign the endpoint's URL: NAME_WEBHOOK_URL, or
else PUBLIC_URL.

AWS_SNS_, GOOGLE_PUBSUB_, PAYPAL_ and PLAID_WEBHOOK_SECRET are fixed public keys or certificates. Where one is unset, keys are
fetched, Plaid's with PLAID_CLIENT_ID and PLAID_SECRET. AWS_SNS_TOPIC_ARN, GOOGLE_PUBSUB_SERVICE_ACCOUNT, GOOGLE_PUBSUB_WEBHOOK_URL
(the audience), PAYPAL_WEBHOOK_ID, LIVEKIT_API_KEY, MONDAY_WEBHOOK_URL and QSTASH_WEBHOOK_URL say what is accepted.";

/// A demo of idempotent webhook and API routes.
#[derive(Parser, Clone, Debug)]
#[command(after_help = HELP)]
#[non_exhaustive]
pub struct Config {
    /// The address to listen on.
    #[arg(long, env = "LISTEN", default_value = "127.0.0.1:3000")]
    pub listen: SocketAddr,

    /// Where the records are kept: `memory`, `redis://HOST:PORT/`, `postgres://USER@HOST/DATABASE` or
    /// `sqlite:FILE`.
    #[arg(long, env = "STORE", hide_env_values = true, default_value = "memory", value_parser = StoreUrlParser)]
    pub store: StoreUrl,

    /// The service and environment that own the records, such as `billing-production`.
    #[arg(long, env = "NAMESPACE", default_value = "demo")]
    pub namespace: Namespace,

    /// How long a claim lasts unless it is renewed, such as `30s`.
    #[arg(long, env = "LEASE", default_value = "30s", value_parser = duration)]
    pub lease: Duration,

    /// How long a duplicate of a webhook in flight waits for its outcome, such as `2s`.
    #[arg(long, env = "WAIT", default_value = "2s", value_parser = duration)]
    pub wait: Duration,

    /// The time limit for the store, which also bounds an answer in an outage, such as `5s` [default: that of
    /// each route's policy and of the store].
    #[arg(long, env = "STORE_TIMEOUT", value_parser = duration)]
    pub store_timeout: Option<Duration>,

    /// Append one JSON line per execution to this file. Several processes may share it.
    #[arg(long, env = "LEDGER")]
    pub ledger: Option<PathBuf>,

    /// Verify signatures as of this time, in seconds since 1970, to play back recorded deliveries.
    #[arg(long, env = "VERIFY_AT")]
    pub verify_at: Option<u64>,

    /// Event types whose older events are discarded once a newer one of the same resource has completed.
    #[arg(
        long,
        env = "DISCARD_STALE",
        value_delimiter = ',',
        default_value = "user.created,user.updated,user.deleted,\
                         customer.created,customer.updated,customer.deleted"
    )]
    pub discard_stale: Vec<String>,

    /// The URL that the sender uses for the endpoint, if it signs it. Twilio's is without the request's query,
    /// which is appended [default: http://LISTEN/webhooks/NAME].
    #[arg(long, env = "PUBLIC_URL")]
    pub public_url: Option<String>,
}

/// A duration in words, such as `30s`, `1500ms` or `2m`.
fn duration(text: &str) -> Result<Duration, jiff::Error> {
    text.parse::<jiff::SignedDuration>()?.try_into()
}
