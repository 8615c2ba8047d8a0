//! Adyen: each item is signed in the body, by eight of its fields. The key is made of three of them.

use std::borrow::Cow;
use std::sync::LazyLock;

use async_trait::async_trait;
use data_encoding::{BASE64, HEXLOWER, HEXLOWER_PERMISSIVE};
use serde::Deserialize;
use sha2::{Digest as _, Sha256};

use super::json::{self, Object};
use super::plain::{Plain, Signed, SignedObject};
use super::scheme::events::EventPath;
use super::scheme::joined;
use super::signature::{self, Algorithm};
use super::{
    Certainty, Fact, Facts, Incoming, Provider, Received, Rejection, Secret, SecretError, Secrets, days,
    seconds,
};
use crate::{Attributes, Delivery, Key, Policy, Verified};

/// Adyen's standard webhooks, and those of its balance platform and of its management.
///
/// A standard webhook is a list of items, each with a signature of its own over **eight fields**: `pspReference`,
/// `originalReference`, `merchantAccountCode`, `merchantReference`, the amount and its currency, `eventCode` and `success`.
/// **Nothing else is signed**, such as `eventDate`, `reason` and `additionalData`: do not decide by it. One item with a wrong
/// signature makes the whole request refused.
///
/// The key is `pspReference`, `eventCode` and `success`, and the merchant account narrows the scope. Adyen joins the fields with
/// colons. An item is refused if a field other than `merchantReference` has one, because it could be read in two ways. It is
/// also refused if one of the fields is neither a text nor a whole number.
///
/// Webhooks of the balance platform and of the management are signed as a whole by `HmacSignature`. They have no id, so the key is
/// the body's SHA-256. An item and a body are signed in the same way. So that neither signature counts as the other, a body must be a
/// JSON object, and no item's `pspReference` may start like one.
///
/// The provider always returns a [`Batch`](Received::Batch), even of one item.
///
/// See [its page](crate::docs::providers::senders::adyen), with a whole route.
///
/// ```
/// use idempotency_core::provider::Adyen;
/// let adyen = Adyen::new("DFB1EB5485895CFA84146406857104ABB4CBCABDC8AAF103A624C8F6A3EAAB00")?;
/// # Ok::<(), idempotency_core::provider::SecretError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Adyen {
    secrets: Secrets,
}

impl Adyen {
    /// What is known about Adyen.
    pub const FACTS: Facts = Facts {
        title: "Adyen",
        source: "https://github.com/Adyen/adyen-node-api-library",
        certainty: Certainty::Confirmed,
        retry_horizon: Fact::confirmed(days(30)),
        patience: Fact::confirmed(seconds(10)),
        retry_repeats_key: Fact::confirmed(true),
        answers: "Any 2xx is a success.",
        setup: "The secret is the webhook's HMAC key, which is hexadecimal.",
        note: "It retries three times within a minute and then from a queue, which holds back later events of the endpoint. Webhooks of the balance platform have the SHA-256 of the body as the key.",
        ..Facts::UNKNOWN
    };

    /// Verifies with the HMAC key of the webhook, which is hexadecimal.
    ///
    /// # Errors
    /// When it is blank or not hexadecimal.
    pub fn new(secret: impl AsRef<[u8]>) -> Result<Self, SecretError> {
        Self::from_secrets(Secrets::one(Secret::new(secret)?))
    }

    /// Verifies with any of several HMAC keys, or with those of a source. A malformed key of a source is left out.
    ///
    /// # Errors
    /// When a key that is not from the source is not hexadecimal.
    pub fn from_secrets(secrets: Secrets) -> Result<Self, SecretError> {
        for secret in secrets.fixed() {
            decoded(secret)?;
        }
        Ok(Self { secrets })
    }

    /// Adds an HMAC key: during a rotation, the previous one. Default: none.
    ///
    /// # Errors
    /// When it is blank or not hexadecimal.
    pub fn with_secret(self, secret: impl AsRef<[u8]>) -> Result<Self, SecretError> {
        Self::from_secrets(self.secrets.with_secret(Secret::new(secret)?))
    }
}

/// The most items in a request. Adyen sends one.
const MAX_ITEMS: usize = 10_000;

static ITEMS: LazyLock<EventPath> =
    LazyLock::new(|| EventPath::parse("/notificationItems/*").expect("it ends with a list"));

fn decoded(secret: &Secret) -> Result<Secret, SecretError> {
    if secret.is_raw() {
        return Ok(secret.clone());
    }
    let bytes = HEXLOWER_PERMISSIVE.decode(secret.expose());
    Secret::raw(bytes.map_err(|_| SecretError::Malformed("valid hexadecimal"))?)
}

#[async_trait]
impl Provider for Adyen {
    fn name(&self) -> &str {
        "adyen"
    }

    /// Retention is 60 days: Adyen retries for 30 days. A duplicate waits 5 s, since Adyen waits 10 s for an answer.
    fn policy(&self) -> Policy {
        Self::FACTS.policy(days(7))
    }

    async fn check_secrets_for(&self, incoming: &Incoming<'_>) -> Result<(), Rejection> {
        self.secrets.check(incoming, decoded).await
    }

    async fn receive(&self, incoming: &Incoming<'_>) -> Result<Received, Rejection> {
        let (secrets, _) = self.secrets.usable(incoming, |secret| decoded(secret).map(Some)).await?;
        if incoming.headers.contains_key(SIGNATURE) {
            let header = signature::header(incoming, SIGNATURE)?;
            let proof =
                signature::hmac_sha256(&secrets, &[], incoming.body, signature::base64::<32>(header))?;
            return Ok(Received::Batch(vec![of_platform(incoming, &proof)?]));
        }
        let unsigned = || Rejection::unauthenticated("the body is not json with signed items");
        let items =
            ITEMS.find(incoming.body, MAX_ITEMS).map_err(|rejection| unsigned().with_source(rejection))?;
        if items.is_empty() {
            return Err(unsigned());
        }
        let items = items.iter().map(|item| json::fields::<Wrapper<'_>>(item.as_bytes())?.item.0);
        let items = items.collect::<Option<Vec<_>>>().ok_or_else(unsigned)?;
        for item in &items {
            item.verify(&secrets, incoming)?;
        }
        // The signatures cover a part of each item.
        let proof = Verified::by_other_means(incoming.body);
        let deliveries = items.iter().map(|item| item.delivery(incoming, &proof));
        Ok(Received::Batch(deliveries.collect::<Result<_, _>>()?))
    }
}

const SIGNATURE: &str = "hmacsignature";

fn of_platform(incoming: &Incoming<'_>, proof: &Verified<'_>) -> Result<Delivery, Rejection> {
    let key = HEXLOWER.encode(&Sha256::digest(proof.bytes()));
    // The signed text of an item is no object.
    let event: Platform<'_> = json::fields(proof.bytes())
        .ok_or(Rejection::malformed("the body is not a json object, or repeats its type"))?;
    Ok(Delivery::new(proof, incoming.scope.clone(), Key::new(&key)?)
        .with_optional_attribute(Attributes::EVENT_TYPE, event.event_type.text()))
}

#[derive(Deserialize)]
struct Platform<'a> {
    #[serde(borrow, default, rename = "type")]
    event_type: Plain<'a>,
}

#[derive(Deserialize)]
struct Wrapper<'a> {
    #[serde(borrow, default, rename = "NotificationRequestItem")]
    item: Object<Item<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Item<'a> {
    #[serde(borrow, default)]
    psp_reference: Signed<'a>,
    #[serde(borrow, default)]
    original_reference: Signed<'a>,
    #[serde(borrow, default)]
    merchant_account_code: Signed<'a>,
    #[serde(borrow, default)]
    merchant_reference: Signed<'a>,
    #[serde(borrow, default)]
    amount: SignedObject<Amount<'a>>,
    #[serde(borrow, default)]
    event_code: Signed<'a>,
    #[serde(borrow, default)]
    success: Signed<'a>,
    #[serde(borrow, default)]
    additional_data: Object<Additional<'a>>,
}

#[derive(Deserialize)]
struct Amount<'a> {
    #[serde(borrow, default)]
    value: Signed<'a>,
    #[serde(borrow, default)]
    currency: Signed<'a>,
}

#[derive(Deserialize)]
struct Additional<'a> {
    #[serde(borrow, default, rename = "hmacSignature")]
    signature: Plain<'a>,
}

impl Item<'_> {
    /// The signed fields, in Adyen's order. A field that is missing is signed as an empty text.
    fn signed(&self) -> [&str; 8] {
        let amount = self.amount.0.as_ref();
        [
            self.psp_reference.text(),
            self.original_reference.text(),
            self.merchant_account_code.text(),
            self.merchant_reference.text(),
            amount.map_or("", |amount| amount.value.text()),
            amount.map_or("", |amount| amount.currency.text()),
            self.event_code.text(),
            self.success.text(),
        ]
    }

    fn verify(&self, secrets: &[Secret], incoming: &Incoming<'_>) -> Result<(), Rejection> {
        let signature = self.additional_data.0.as_ref().and_then(|data| data.signature.text());
        let signed = self.signed();
        let text = signed.join(":");
        signature::hmac_over(
            Algorithm::Sha256,
            secrets,
            &[text.as_bytes()],
            signature.into_iter(),
            &BASE64,
            incoming.body,
        )?;
        if text.trim_start().starts_with('{') {
            return Err(Rejection::malformed("the signed fields of an item could be a body of the platform"));
        }
        // With at most one field that has a colon, the text can be read in one way only.
        if signed.iter().enumerate().any(|(at, field)| at != MERCHANT_REFERENCE && field.contains(':')) {
            return Err(Rejection::malformed(
                "a signed field of an item has a colon, which makes it ambiguous",
            ));
        }
        Ok(())
    }

    fn delivery(&self, incoming: &Incoming<'_>, proof: &Verified<'_>) -> Result<Delivery, Rejection> {
        let parts = [self.psp_reference.name(), self.event_code.name(), self.success.name()];
        let parts = parts.into_iter().map(|part| part.map(Cow::Borrowed)).collect::<Option<Vec<_>>>();
        let parts = parts.ok_or(Rejection::key_missing("an item has no reference, event code or success"))?;
        let account = self.merchant_account_code.name();
        Ok(Delivery::new(proof, incoming.scope_for(account), Key::new(joined(&parts))?)
            .with_optional_attribute(Attributes::EVENT_TYPE, self.event_code.name())
            .with_optional_attribute("account", account))
    }
}

/// The place of the field that a merchant writes.
const MERCHANT_REFERENCE: usize = 3;
