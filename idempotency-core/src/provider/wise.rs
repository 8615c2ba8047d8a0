//! Wise: an RSA signature of the body by a published key. The key is the event's digest.

use std::borrow::Cow;

use async_trait::async_trait;
use data_encoding::{BASE64, HEXLOWER};
use serde::Deserialize;
use serde_json::value::RawValue;
use sha2::{Digest as _, Sha256};

use super::json;
use super::keys::{self, Algorithm};
use super::plain::Plain;
use super::scheme::joined;
use super::{
    Certainty, Fact, Facts, Incoming, Provider, PublicKeys, Received, Rejection, days, seconds, signature,
};
use crate::{Attributes, Delivery, Key, Policy, Verified};

/// Wise's webhooks.
///
/// Wise signs the body with an RSA key. It publishes one key for production and one for its sandbox. No time limits the age of a
/// signature.
///
/// An event has no id. `X-Delivery-Id` names one attempt, and is not signed. So the key is the subscription, the type and the SHA-256
/// of the JSON text of `data`, which usually has the time of the event.
///
/// Some types, such as `transfers#active-cases`, have no such time, and two of their events may have equal `data`. Their keys have the
/// time of sending (`sent_at`) too. Wise may change that time with a retry, **so a retry of these types may run again**.
///
/// See [its page](crate::docs::providers::senders::wise), with a whole route.
///
/// ```
/// use idempotency_core::provider::Wise;
/// let wise = Wise::production();
/// ```
#[derive(Clone, Debug)]
pub struct Wise {
    keys: PublicKeys,
}

/// The key of production, from Wise's documentation.
const PRODUCTION: &str = "-----BEGIN PUBLIC KEY-----
MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAvO8vXV+JksBzZAY6GhSO
XdoTCfhXaaiZ+qAbtaDBiu2AGkGVpmEygFmWP4Li9m5+Ni85BhVvZOodM9epgW3F
bA5Q1SexvAF1PPjX4JpMstak/QhAgl1qMSqEevL8cmUeTgcMuVWCJmlge9h7B1CS
D4rtlimGZozG39rUBDg6Qt2K+P4wBfLblL0k4C4YUdLnpGYEDIth+i8XsRpFlogx
CAFyH9+knYsDbR43UJ9shtc42Ybd40Afihj8KnYKXzchyQ42aC8aZ/h5hyZ28yVy
Oj3Vos0VdBIs/gAyJ/4yyQFCXYte64I7ssrlbGRaco4nKF3HmaNhxwyKyJafz19e
HwIDAQAB
-----END PUBLIC KEY-----";

/// The key of the sandbox, from Wise's documentation.
const SANDBOX: &str = "-----BEGIN PUBLIC KEY-----
MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAwpb91cEYuyJNQepZAVfP
ZIlPZfNUefH+n6w9SW3fykqKu938cR7WadQv87oF2VuT+fDt7kqeRziTmPSUhqPU
ys/V2Q1rlfJuXbE+Gga37t7zwd0egQ+KyOEHQOpcTwKmtZ81ieGHynAQzsn1We3j
wt760MsCPJ7GMT141ByQM+yW1Bx+4SG3IGjXWyqOWrcXsxAvIXkpUD/jK/L958Cg
nZEgz0BSEh0QxYLITnW1lLokSx/dTianWPFEhMC9BgijempgNXHNfcVirg1lPSyg
z7KqoKUN0oHqWLr2U1A+7kqrl6O2nx3CKs1bj1hToT1+p4kcMoHXA7kA+VBLUpEs
VwIDAQAB
-----END PUBLIC KEY-----";

impl Wise {
    /// What is known about Wise.
    pub const FACTS: Facts = Facts {
        title: "Wise",
        source: "https://github.com/transferwise/digital-signatures-examples",
        certainty: Certainty::Confirmed,
        retry_horizon: Fact::confirmed(days(14)),
        patience: Fact::confirmed(seconds(5)),
        retries_4xx: Fact::confirmed(true),
        setup: "There is no secret: `Wise::production()` and `Wise::sandbox()` contain the keys that Wise publishes.",
        note: "It tries 25 times in two weeks. A test message has the header `X-Test-Notification`, which is not signed.",
        ..Facts::UNKNOWN
    };

    /// Verifies with the key that Wise publishes for production.
    #[must_use]
    pub fn production() -> Self {
        Self::new(published(PRODUCTION))
    }

    /// Verifies with the key that Wise publishes for its sandbox.
    #[must_use]
    pub fn sandbox() -> Self {
        Self::new(published(SANDBOX))
    }

    /// Verifies with other keys: [fixed](PublicKeys::fixed) ones, such as a new one that Wise announces, or those of a
    /// [`KeySource`](super::KeySource) of yours, which is asked for `wise`.
    #[must_use]
    pub fn new(keys: impl Into<PublicKeys>) -> Self {
        Self { keys: keys.into() }
    }
}

fn published(key: &str) -> PublicKeys {
    PublicKeys::fixed(key).expect("the constant is a public key")
}

#[async_trait]
impl Provider for Wise {
    fn name(&self) -> &str {
        "wise"
    }

    /// Retention is 28 days: Wise retries for two weeks. It waits 5 s for an answer, so a duplicate waits 2 s.
    fn policy(&self) -> Policy {
        Self::FACTS.policy(days(7))
    }

    async fn receive(&self, incoming: &Incoming<'_>) -> Result<Received, Rejection> {
        keys::refuse_tenant(incoming)?;
        let unsigned = || Rejection::unauthenticated("no signature matches");
        let candidate = signature::header(incoming, "x-signature-sha256")?;
        let candidate = BASE64.decode(candidate.as_bytes()).map_err(|_| unsigned())?;
        let found = self.keys.find("wise", None).await?;
        let is_signed =
            found.with_id(None).any(|key| key.verifies(Algorithm::RsaSha256, incoming.body, &candidate));
        if !is_signed {
            return Err(unsigned());
        }
        let proof = Verified::by_signature(incoming.body);
        let event: Event<'_> =
            json::fields(proof.bytes()).ok_or_else(|| Rejection::malformed("the body is not an event"))?;
        let (subscription, kind) = (event.subscription_id.name(), event.event_type.name());
        let parts = subscription.zip(kind).zip(event.data);
        let ((subscription, kind), data) = parts
            .ok_or_else(|| Rejection::key_missing("the event has no subscription, no type or no data"))?;
        let digest = HEXLOWER.encode(&Sha256::digest(data.get()));
        let mut parts = vec![subscription.into(), kind.into(), digest.into()];
        if !has_time(data) {
            // Without it, a case that is opened, closed and opened again would be a duplicate of the first.
            parts.extend(event.sent_at.name().map(Cow::Borrowed));
        }
        let key = joined(&parts);
        Ok(Received::Delivery(
            Delivery::new(&proof, incoming.scope.clone(), Key::new(key)?)
                .with_attribute(Attributes::EVENT_TYPE, kind),
        ))
    }
}

#[derive(Deserialize)]
struct Event<'a> {
    #[serde(borrow, default)]
    subscription_id: Plain<'a>,
    #[serde(borrow, default)]
    event_type: Plain<'a>,
    #[serde(borrow, default)]
    data: Option<&'a RawValue>,
    #[serde(borrow, default)]
    sent_at: Plain<'a>,
}

/// Whether the `data` of an event has the time of the event.
fn has_time(data: &RawValue) -> bool {
    let data: Option<Data<'_>> = json::fields(data.get().as_bytes());
    data.is_some_and(|data| {
        let resource = data.resource.0.unwrap_or_default();
        [data.occurred_at, resource.updated_at].iter().any(|time| time.name().is_some())
    })
}

#[derive(Deserialize)]
struct Data<'a> {
    #[serde(borrow, default)]
    occurred_at: Plain<'a>,
    #[serde(borrow, default)]
    resource: json::Object<Resource<'a>>,
}

/// `partner-support#case-changed` has its time here since version 5.0.0.
#[derive(Default, Deserialize)]
struct Resource<'a> {
    #[serde(borrow, default, rename = "updatedAt")]
    updated_at: Plain<'a>,
}
