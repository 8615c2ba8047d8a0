//! Flags, each also an environment variable.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use clap::Parser;
use idempotency_core::store::memory::MemoryStore;
use idempotency_core::store::redis::RedisStore;
use idempotency_core::{Namespace, Store, StoreError};

/// What a visitor wants to know beside the flags.
const HELP: &str = "\
Routes: POST /webhooks/{stripe,shopify,twilio,github,slack,standard-webhooks}, POST /payments (Authorization and
Idempotency-Key), GET /ledger, GET /healthz.

Query parameters that steer the handler: gated=1 (make the file LEDGER.reached, and wait until there is LEDGER.open),
delay_ms=N (be slow), fail_times=N (answer 500 for the first N attempts of a key), panic_times=N (panic instead),
body_bytes=N (answer with so many bytes).

Secrets, from the environment only: STRIPE_WEBHOOK_SECRET, SHOPIFY_API_SECRET, TWILIO_AUTH_TOKEN, GITHUB_WEBHOOK_SECRET,
SLACK_SIGNING_SECRET, STANDARD_WEBHOOKS_SECRET. Where one is unset the demo's own is used, with a warning.";

/// A demo of idempotent webhook and API routes.
#[derive(Parser, Clone, Debug)]
#[command(after_help = HELP)]
#[non_exhaustive]
pub struct Config {
    /// Where to listen.
    #[arg(long, env = "LISTEN", default_value = "127.0.0.1:3000")]
    pub listen: SocketAddr,

    /// Where the records are kept: `memory`, or `redis://HOST:PORT/`.
    #[arg(long, env = "STORE", hide_env_values = true, default_value = "memory")]
    pub store: StoreUrl,

    /// The service and environment whose records these are, such as `billing-production`.
    #[arg(long, env = "NAMESPACE", default_value = "demo")]
    pub namespace: Namespace,

    /// How long a claim lasts unless it is renewed, such as `30s`.
    #[arg(long, env = "LEASE", default_value = "30s", value_parser = duration)]
    pub lease: Duration,

    /// How long a duplicate of a webhook in flight waits for its outcome, such as `2s`.
    #[arg(long, env = "WAIT", default_value = "2s", value_parser = duration)]
    pub wait: Duration,

    /// How long Redis may take, and with it an answer in an outage, such as `5s` [default: what each route's policy and
    /// the store say].
    #[arg(long, env = "STORE_TIMEOUT", value_parser = duration)]
    pub store_timeout: Option<Duration>,

    /// Append one JSON line per execution to this file; several processes may share it.
    #[arg(long, env = "LEDGER")]
    pub ledger: Option<PathBuf>,

    /// Verify signatures as of this time, in seconds since 1970, to play recorded deliveries back.
    #[arg(long, env = "VERIFY_AT")]
    pub verify_at: Option<u64>,

    /// Event types of which an older event is discarded once a newer one of the same resource has completed.
    #[arg(
        long,
        env = "DISCARD_STALE",
        value_delimiter = ',',
        default_value = "user.created,user.updated,user.deleted,\
                         customer.created,customer.updated,customer.deleted"
    )]
    pub discard_stale: Vec<String>,

    /// The URL under which Twilio knows the endpoint, used as it stands with the request's query appended [default:
    /// http://LISTEN/webhooks/twilio].
    #[arg(long, env = "PUBLIC_URL")]
    pub public_url: Option<String>,
}

/// Where the records are kept.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum StoreUrl {
    /// In this process.
    Memory,
    /// In Redis or Valkey, at this URL.
    Redis(String),
}

impl Config {
    /// Opens the store. Redis is connected to at the first delivery.
    ///
    /// # Errors
    /// When the URL cannot be read.
    pub fn open_store(&self) -> Result<Arc<dyn Store>, StoreError> {
        let namespace = self.namespace.clone();
        let StoreUrl::Redis(url) = &self.store else {
            return Ok(Arc::new(MemoryStore::new().with_namespace(namespace)));
        };
        let store = RedisStore::new(url, namespace)?;
        Ok(match self.store_timeout {
            Some(timeout) => Arc::new(store.with_response_timeout(timeout).with_connect_timeout(timeout)),
            None => Arc::new(store),
        })
    }
}

impl FromStr for StoreUrl {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.split_once("://") {
            None if text == "memory" => Ok(Self::Memory),
            Some(("redis" | "rediss", _)) => Ok(Self::Redis(text.to_owned())),
            _ => Err("expected `memory` or `redis://HOST:PORT/`"),
        }
    }
}

impl fmt::Debug for StoreUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Memory => "memory",
            Self::Redis(_) => "redis",
        })
    }
}

/// A duration in words, such as `30s`, `1500ms` or `2m`.
fn duration(text: &str) -> Result<Duration, jiff::Error> {
    text.parse::<jiff::SignedDuration>()?.try_into()
}
