//! Receiving: turns a request into a delivery or an answer, without asking the store.

use std::future::Future;
use std::pin::pin;
use std::time::Duration;

use bytes::Bytes;
use http::HeaderValue;

use super::{Admission, Arrival, Endpoint, Head};
use crate::engine::{Event, Observation, bounded};
use crate::protocol::{Answer, Instance};
use crate::provider::{Incoming, Received, Rejection, Treatment};
use crate::{KeyDigest, RecordedResponse, Scope, path};

impl Endpoint {
    /// Decides what to do with the body of a request.
    #[must_use]
    pub fn admit(&self, head: &Head<'_>) -> Admission {
        if self.route.members.is_some() {
            return Admission::Answer(self.not_found(head));
        }
        match self.route.methods.treatment_of(head.method) {
            Treatment::Delivery => {}
            Treatment::HandshakeOrPass | Treatment::HandshakeOrRefuse => return Admission::Pass,
            Treatment::Refuse => return Admission::Answer(self.method_not_allowed(head)),
        }
        if !self.route.provider.needs_body(head.method, head.headers) {
            return Admission::Pass;
        }
        let limit = self.engine().policy().body_limit();
        let declared = head.headers.get(http::header::CONTENT_LENGTH).and_then(|value| value.to_str().ok());
        if declared.and_then(|length| length.parse::<u64>().ok()).is_some_and(|length| length > limit as u64)
        {
            return Admission::Answer(self.body_too_large(head));
        }
        Admission::Read { limit }
    }

    /// Awaits `reading` for at most the policy's body timeout. Pass it pinned, so that it is stored once.
    ///
    /// # Errors
    /// The answer to send, if the body did not arrive in time.
    ///
    /// # Cancel safety
    /// Safe to drop: nothing is claimed.
    pub async fn read_in_time<T>(
        &self,
        head: &Head<'_>,
        reading: impl Future<Output = T>,
    ) -> Result<T, RecordedResponse> {
        let read =
            bounded(self.engine().runtime(), self.engine().policy().body_timeout(), pin!(reading)).await;
        read.ok_or_else(|| self.body_timed_out(head))
    }

    /// Verifies a request and classifies it, without asking the store. It takes at most the policy's verification timeout.
    ///
    /// # Cancel safety
    /// Safe to drop: nothing is claimed.
    pub async fn receive(&self, head: &Head<'_>, body: &Bytes) -> Arrival {
        let arrived = self.engine().runtime().now();
        let scope = self.scope_of(head);
        let now = self.route.verification_time.unwrap_or_else(|| self.engine().runtime().unix_time());
        let incoming = Incoming::new(head.method, head.uri, head.headers, body, now, &scope);
        let incoming = incoming.with_extensions(head.extensions).with_provider(self.engine().name());
        let received = self.received_in_time(&incoming).await;
        let observe = |event| self.observe(Some(head), &scope, arrived, None, event);
        match (received, self.route.methods.treatment_of(head.method)) {
            (Ok(Received::Handshake(response)), _) => {
                observe(Event::Handshake);
                Arrival::Answer(response)
            }
            (_, Treatment::HandshakeOrRefuse | Treatment::Refuse) => {
                Arrival::Answer(self.method_not_allowed(head))
            }
            (_, Treatment::HandshakeOrPass) | (Ok(Received::Bypass), Treatment::Delivery) => {
                observe(Event::Bypassed);
                Arrival::Bypass
            }
            // A route that is guarded twice: the outer guard executes, records and marks the answer.
            (Ok(Received::Delivery(delivery)), Treatment::Delivery)
                if self.is_guarded_outside(head, &delivery) =>
            {
                Arrival::Bypass
            }
            (Ok(Received::Batch(deliveries)), Treatment::Delivery)
                if self.is_batch_guarded_outside(head, &deliveries) =>
            {
                Arrival::Bypass
            }
            (Ok(Received::Delivery(delivery)), Treatment::Delivery) => {
                Arrival::Delivery(delivery.arrived_at(head.uri.path_and_query()))
            }
            (Ok(Received::Batch(deliveries)), Treatment::Delivery) => {
                let arrived = |delivery: crate::Delivery| delivery.arrived_at(head.uri.path_and_query());
                Arrival::Batch(deliveries.into_iter().map(arrived).collect())
            }
            (Err(rejection), Treatment::Delivery) => {
                let instance = self.new_instance();
                self.observe(Some(head), &scope, arrived, Some(&instance), Event::Rejected(&rejection));
                let answer =
                    Answer::Rejected { kind: rejection.kind(), challenge: self.route.challenge.clone() };
                Arrival::Answer(self.answer(&answer, &instance))
            }
        }
    }

    /// Only here does a provider verify a request for an endpoint, so this bounds every source and every call that it asks.
    async fn received_in_time(&self, incoming: &Incoming<'_>) -> Result<Received, Rejection> {
        let limit = self.engine().policy().verification_timeout();
        let receiving = pin!(self.route.provider.receive(incoming));
        let received = bounded(self.engine().runtime(), limit, receiving).await;
        received.unwrap_or_else(|| {
            Err(Rejection::unavailable("verification took longer than the verification timeout"))
        })
    }

    /// Returns the answer to a request whose method, URI or headers cannot be put into a [`Head`].
    #[must_use]
    pub fn head_unreadable(&self) -> RecordedResponse {
        self.refuse(None, Event::HeadUnreadable, &Answer::HeadUnreadable)
    }

    /// Returns the answer to a body over the limit.
    #[must_use]
    pub fn body_too_large(&self, head: &Head<'_>) -> RecordedResponse {
        self.refuse(Some(head), Event::BodyTooLarge, &Answer::BodyTooLarge)
    }

    /// Returns the answer to a body that ended early.
    #[must_use]
    pub fn body_unreadable(&self, head: &Head<'_>) -> RecordedResponse {
        self.refuse(Some(head), Event::BodyUnreadable, &Answer::BodyUnreadable)
    }

    /// Returns the answer to a body that did not arrive in time.
    ///
    /// See [`Policy::with_body_timeout`](crate::Policy::with_body_timeout).
    #[must_use]
    pub fn body_timed_out(&self, head: &Head<'_>) -> RecordedResponse {
        self.refuse(Some(head), Event::BodyTimedOut, &Answer::BodyTimedOut)
    }

    /// Returns the answer if the handler's service was not ready in time.
    ///
    /// See [`Policy::with_ready_timeout`](crate::Policy::with_ready_timeout).
    pub(super) fn not_ready(&self) -> RecordedResponse {
        self.refuse(None, Event::NotReady, &Answer::NotReady)
    }

    fn method_not_allowed(&self, head: &Head<'_>) -> RecordedResponse {
        let answer = Answer::MethodNotAllowed { allow: self.route.methods.allow() };
        self.refuse(Some(head), Event::MethodNotAllowed, &answer)
    }

    /// The answer of a registry to a request whose path names none of its providers.
    fn not_found(&self, head: &Head<'_>) -> RecordedResponse {
        let rejection = Rejection::not_found("the path names no provider of the registry");
        let answer = Answer::Rejected { kind: rejection.kind(), challenge: self.route.challenge.clone() };
        self.refuse(Some(head), Event::Rejected(&rejection), &answer)
    }

    /// Observes a request that is not a delivery, and returns its answer.
    fn refuse(&self, head: Option<&Head<'_>>, event: Event<'_>, answer: &Answer) -> RecordedResponse {
        let scope = match head {
            Some(head) => self.scope_of(head),
            None => self.route.scope.clone().unwrap_or_else(|| Scope::endpoint(self.route.provider.name())),
        };
        let instance = self.new_instance();
        self.observe(head, &scope, self.engine().runtime().now(), Some(&instance), event);
        self.answer(answer, &instance)
    }

    fn observe(
        &self,
        head: Option<&Head<'_>>,
        scope: &Scope,
        arrived: Duration,
        instance: Option<&Instance>,
        event: Event<'_>,
    ) {
        self.engine().observe(&Observation {
            provider: self.engine().name(),
            endpoint: scope.endpoint_name(),
            path: head.map(|head| head.uri.path()),
            instance,
            key: None,
            attempt: None,
            fence: None,
            duration: self.engine().runtime().now().saturating_sub(arrived),
            event,
        });
    }

    fn scope_of(&self, head: &Head<'_>) -> Scope {
        if let Some(scope) = &self.route.scope {
            return scope.clone();
        }
        let scope =
            self.route.default_scope.clone().unwrap_or_else(|| self.scope_of_each_path(head.uri.path()));
        match head.uri.query().filter(|_| self.route.query_in_scope) {
            Some(query) => scope.with_query(query),
            None => scope,
        }
    }

    fn scope_of_each_path(&self, path: &str) -> Scope {
        let (known_path, known) =
            self.route.first_scope.get_or_init(|| (path.into(), self.scope_of_path(path)));
        if **known_path == *path { known.clone() } else { self.scope_of_path(path) }
    }

    fn scope_of_path(&self, path: &str) -> Scope {
        Scope::endpoint(format!("{} {}", self.route.provider.name(), path::normalized(path)))
    }

    fn new_instance(&self) -> Instance {
        Instance::of_request(*self.engine().runtime().new_owner().as_bytes())
    }

    /// The answer to a delivery with one key.
    pub(super) fn answer_to(&self, key: KeyDigest, answer: &Answer) -> RecordedResponse {
        self.answer(answer, &Instance::of_delivery(key, self.engine().runtime().unix_time()))
    }

    /// The answer to a request with several keys or none.
    pub(super) fn answer_to_request(&self, answer: &Answer) -> RecordedResponse {
        self.answer(answer, &self.new_instance())
    }

    fn answer(&self, answer: &Answer, instance: &Instance) -> RecordedResponse {
        answer.response(self.engine().policy(), instance)
    }
}

/// The provider's challenge, or the default one if it is not a valid header value.
pub(super) fn challenge_of(challenge: &str) -> HeaderValue {
    HeaderValue::from_str(challenge).unwrap_or(HeaderValue::from_static("Webhook-Signature"))
}
