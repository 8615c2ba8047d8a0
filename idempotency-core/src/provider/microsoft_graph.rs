//! Microsoft Graph: a token in each notification, and nothing signed. The key is the notification's `id`.

use std::sync::LazyLock;

use async_trait::async_trait;
use http::header::{CONTENT_TYPE, HeaderValue, X_CONTENT_TYPE_OPTIONS};
use http::{Method, StatusCode};
use serde::Deserialize;
use subtle::ConstantTimeEq as _;

use super::json;
use super::plain::Plain;
use super::scheme::events::EventPath;
use super::{
    Certainty, Fact, Facts, Incoming, Provider, Received, Rejection, Secret, SecretError, Secrets, days,
    form, hours, seconds,
};
use crate::{Attributes, Delivery, Fingerprint, Key, Policy, RecordedResponse, Verified};

/// Microsoft Graph's change notifications.
///
/// **Nothing is signed.** Each notification repeats the `clientState` that you chose for the subscription. A client that sees one
/// notification can forge any other. Accept them over TLS only and do not log their bodies. The tokens of rich notifications are
/// not checked.
///
/// The key is the notification's `id`, and the notification's digest is the fingerprint. One notification with another
/// `clientState` makes the whole request refused.
///
/// Some resources, such as drives, send notifications without an `id`, which are equal for every change. They cannot be told apart
/// from a retry, so they are **refused** unless you call [`passing_without_id`](Self::passing_without_id).
///
/// The provider answers the `validationToken`, and always returns a [`Batch`](Received::Batch), even of one notification.
///
/// See [its page](crate::docs::providers::senders::microsoft_graph), with a whole route.
///
/// ```
/// use idempotency_core::provider::MicrosoftGraph;
/// let graph = MicrosoftGraph::new("the subscription's clientState")?;
/// # Ok::<(), idempotency_core::provider::SecretError>(())
/// ```
#[derive(Clone, Debug)]
pub struct MicrosoftGraph {
    secrets: Secrets,
    passes_without_id: bool,
}

impl MicrosoftGraph {
    /// What is known about Microsoft Graph.
    pub const FACTS: Facts = Facts {
        title: "Microsoft Graph",
        source: "https://github.com/microsoftgraph/microsoft-graph-docs-contrib",
        certainty: Certainty::Confirmed,
        retry_horizon: Fact::confirmed(hours(4)),
        patience: Fact::confirmed(seconds(3)),
        answers: "A 200 or 202 is a success, and a 5xx is retried.",
        setup: "The secret is the `clientState` that you choose for the subscription.",
        note: "Notifications without an `id`, such as those of drives, are equal for every change and are refused: `passing_without_id` lets them reach the handler, and nothing deduplicates them. The tokens of rich notifications are not checked. Slow answers make it throttle.",
        ..Facts::UNKNOWN
    };

    /// Accepts the notifications of subscriptions with this `clientState`.
    ///
    /// # Errors
    /// When it is blank.
    pub fn new(client_state: impl AsRef<[u8]>) -> Result<Self, SecretError> {
        Ok(Self::from_secrets(Secrets::one(Secret::new(client_state)?)))
    }

    /// Accepts those with any of several values, or with those of a source.
    #[must_use]
    pub fn from_secrets(secrets: Secrets) -> Self {
        Self { secrets, passes_without_id: false }
    }

    /// Adds the `clientState` of another subscription. Default: none.
    ///
    /// # Errors
    /// When it is blank.
    pub fn with_secret(mut self, client_state: impl AsRef<[u8]>) -> Result<Self, SecretError> {
        self.secrets = self.secrets.with_secret(Secret::new(client_state)?);
        Ok(self)
    }

    /// Lets a request with a notification without an `id` reach the handler unclaimed, each time that it arrives. The handler must
    /// be safe to run twice, such as by a delta query. Default: such a request is refused.
    #[must_use]
    pub fn passing_without_id(mut self) -> Self {
        self.passes_without_id = true;
        self
    }
}

/// The most notifications in a request, far above what Microsoft documents.
const MAX_NOTIFICATIONS: usize = 10_000;
/// The most bytes of a token that are sent back.
const MAX_TOKEN: usize = 4096;

static NOTIFICATIONS: LazyLock<EventPath> =
    LazyLock::new(|| EventPath::parse("/value/*").expect("it ends with a list"));

#[async_trait]
impl Provider for MicrosoftGraph {
    fn name(&self) -> &str {
        "microsoft-graph"
    }

    /// Retention is 7 days: Microsoft retries for 4 hours. It waits 3 s for an answer, so a duplicate waits 1.5 s and the store
    /// timeout is 1 s.
    fn policy(&self) -> Policy {
        Self::FACTS.policy(days(7))
    }

    async fn check_secrets_for(&self, incoming: &Incoming<'_>) -> Result<(), Rejection> {
        self.secrets.for_request(incoming).await.map(drop)
    }

    async fn receive(&self, incoming: &Incoming<'_>) -> Result<Received, Rejection> {
        if let Some(answer) = validation(incoming) {
            return Ok(Received::Handshake(answer));
        }
        let unsigned = || Rejection::unauthenticated("the body is not json with notifications");
        let found = NOTIFICATIONS.find(incoming.body, MAX_NOTIFICATIONS);
        let texts = found.map_err(|rejection| unsigned().with_source(rejection))?;
        let notifications = texts.iter().map(|text| json::fields::<Notification<'_>>(text.as_bytes()));
        let notifications = notifications.collect::<Option<Vec<_>>>().ok_or_else(unsigned)?;
        let secrets = self.secrets.for_request(incoming).await?;
        // Without an early exit, so that the time does not show which one is wrong.
        let are_known = notifications.iter().fold(!notifications.is_empty(), |are_known, notification| {
            are_known & notification.is_known(&secrets)
        });
        if !are_known {
            return Err(Rejection::unauthenticated(
                "a notification has another clientState, or there is none",
            ));
        }
        if self.passes_without_id && notifications.iter().any(|notification| notification.id.name().is_none())
        {
            return Ok(Received::Bypass);
        }
        let proof = Verified::by_other_means(incoming.body);
        let deliveries = notifications.iter().zip(&texts);
        let deliveries = deliveries.map(|(notification, text)| notification.delivery(incoming, &proof, text));
        Ok(Received::Batch(deliveries.collect::<Result<_, _>>()?))
    }
}

/// The answer to the check of an endpoint, which has no body. It gives nothing away.
fn validation(incoming: &Incoming<'_>) -> Option<RecordedResponse> {
    let query =
        incoming.uri.query().filter(|_| incoming.method == Method::POST && incoming.body.is_empty())?;
    let token = form::single(query.as_bytes(), "validationToken")?;
    let is_short = !token.is_empty() && token.len() <= MAX_TOKEN;
    is_short.then(|| {
        RecordedResponse::new(StatusCode::OK, token)
            .with_header(CONTENT_TYPE, HeaderValue::from_static("text/plain"))
            .with_header(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"))
    })
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Notification<'a> {
    #[serde(borrow, default)]
    id: Plain<'a>,
    #[serde(borrow, default)]
    client_state: Plain<'a>,
    #[serde(borrow, default)]
    change_type: Plain<'a>,
    #[serde(borrow, default)]
    lifecycle_event: Plain<'a>,
    #[serde(borrow, default)]
    tenant_id: Plain<'a>,
}

impl Notification<'_> {
    /// Compares in constant time, but for the length.
    fn is_known(&self, secrets: &[Secret]) -> bool {
        let state = self.client_state.text().unwrap_or_default().as_bytes();
        secrets.iter().fold(false, |is_known, secret| is_known | bool::from(secret.expose().ct_eq(state)))
    }

    fn delivery(
        &self,
        incoming: &Incoming<'_>,
        proof: &Verified<'_>,
        text: &str,
    ) -> Result<Delivery, Rejection> {
        let id = self.id.name().ok_or(Rejection::key_missing(
            "a notification has no id, so its retry cannot be told from the next change",
        ))?;
        let event_type = self.change_type.text().or_else(|| self.lifecycle_event.text());
        Ok(Delivery::new(proof, incoming.scope.clone(), Key::new(id)?)
            .with_fingerprint(Fingerprint::of(text.as_bytes()))
            .with_optional_attribute(Attributes::EVENT_TYPE, event_type)
            .with_optional_attribute("account", self.tenant_id.text()))
    }
}
