//! Amazon SNS over HTTPS: signed with a certificate. The key is the `MessageId` in the signed text.

mod message;
mod topic;

use std::time::Duration;

use async_trait::async_trait;
use http::StatusCode;

use super::keys::{self, Algorithm, Certificate, CertificateUrls};
use super::{
    Certainty, Fact, Facts, Incoming, Provider, PublicKeys, Received, Rejection, SettingError, days, hours,
    seconds, signature,
};
use crate::{Attributes, Delivery, Key, Policy, RecordedResponse, Verified};

use message::{Kind, Message};

const CERTIFICATES: CertificateUrls = CertificateUrls { is_host, is_path };

/// Amazon SNS, in topics that you name.
///
/// The key is `MessageId`, which the signature covers, and the topic narrows the scope. Signature versions 1 and 2 are accepted.
///
/// - **Only your topics are accepted.** AWS signs the messages of all its customers, and each of them can subscribe your
///   endpoint to a topic of their own.
/// - The confirmation of a subscription is verified, answered 200, and does nothing. To subscribe, see
///   [`with_confirmations`](Self::with_confirmations).
/// - `Timestamp` is signed, and refused outside the [tolerance](Self::with_tolerance).
/// - `UnsubscribeURL`, `MessageAttributes` and all headers are not signed: decide nothing by them.
/// - Raw message delivery has no signature, and is refused.
///
/// See [its page](crate::docs::providers::senders::aws_sns), with a whole route.
///
/// ```
/// # use idempotency_core::provider::PublicKeys;
/// use idempotency_core::provider::AwsSns;
/// # fn of(keys: PublicKeys) -> Result<AwsSns, idempotency_core::provider::SettingError> {
/// AwsSns::new("arn:aws:sns:us-west-2:123456789012:MyTopic", keys)
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct AwsSns {
    topics: Vec<Box<str>>,
    keys: PublicKeys,
    tolerance: Duration,
    passes_confirmations: bool,
}

impl AwsSns {
    /// What is known about Amazon SNS.
    pub const FACTS: Facts = Facts {
        title: "Amazon SNS",
        source: "https://github.com/aws/aws-js-sns-message-validator",
        certainty: Certainty::Confirmed,
        retry_horizon: Fact::confirmed(hours(1)),
        patience: Some(Fact { value: seconds(15), certainty: Certainty::Unconfirmed }),
        retries_4xx: Some(Fact { value: false, certainty: Certainty::Unconfirmed }),
        retry_repeats_key: Fact::confirmed(true),
        answers: "A 429 is retried (not confirmed).",
        setup: "Subscribe the URL with the protocol `https`. `new` takes the topic's ARN. Instead of a secret, it takes the keys that SNS publishes, through a cache. To confirm the subscription, call `with_confirmations`, and let the handler request the signed `SubscribeURL` in the body. Leave raw message delivery off: it is not signed, and is refused.",
        note: "A retry keeps the time of the first attempt, so the tolerance is 14 days.",
        ..Facts::UNKNOWN
    };

    /// Verifies messages of a topic, by its ARN, such as `arn:aws:sns:us-west-2:123456789012:orders`.
    ///
    /// # Errors
    /// [`SettingError::Topic`] when the text is not the ARN of a topic. The ARN of a queue or a subscription is refused,
    /// and so are spaces around it.
    pub fn new(topic_arn: impl AsRef<str>, keys: impl Into<PublicKeys>) -> Result<Self, SettingError> {
        let none =
            Self { topics: Vec::new(), keys: keys.into(), tolerance: days(14), passes_confirmations: false };
        none.with_topic(topic_arn)
    }

    /// Accepts another topic too. Default: none.
    ///
    /// # Errors
    /// [`SettingError::Topic`], as for [`new`](Self::new).
    pub fn with_topic(mut self, topic_arn: impl AsRef<str>) -> Result<Self, SettingError> {
        let topic = topic_arn.as_ref();
        if !topic::is_topic(topic) {
            return Err(SettingError::Topic);
        }
        self.topics.push(topic.into());
        Ok(self)
    }

    /// Sets the tolerance: the allowed difference between a message's `Timestamp` and now, in either direction. Default: 14 days.
    ///
    /// A retry keeps the time of the first attempt. SNS retries for at most one hour, and a dead-letter queue keeps a message for
    /// up to 14 days. Records are kept for 28 days, or for twice the tolerance if
    /// that is longer. To keep them for less time, also set the policy's retention.
    #[must_use]
    pub fn with_tolerance(mut self, tolerance: Duration) -> Self {
        self.tolerance = tolerance;
        self
    }

    /// Passes the confirmations of your topics to the handler, as deliveries whose type is `SubscriptionConfirmation` or
    /// `UnsubscribeConfirmation`. To confirm, the handler requests the `SubscribeURL` in the body, which is signed. Default:
    /// they are answered 200 without the handler, nothing is requested, and each is logged as a warning with its topic: SNS sends
    /// no notifications until a subscription is confirmed, and none after it has ended.
    #[must_use]
    pub fn with_confirmations(mut self) -> Self {
        self.passes_confirmations = true;
        self
    }
}

#[async_trait]
impl Provider for AwsSns {
    fn name(&self) -> &str {
        "aws-sns"
    }

    /// Retention is 28 days, twice the default tolerance: SNS retries for up to one hour, but a message may be sent again from a
    /// dead-letter queue. A duplicate waits 5 s, since SNS is said to wait 15 s for an answer.
    fn policy(&self) -> Policy {
        Policy::webhook().with_retention(days(28)).with_wait(Duration::from_secs(5))
    }

    fn signature_window(&self) -> Duration {
        self.tolerance
    }

    async fn receive(&self, incoming: &Incoming<'_>) -> Result<Received, Rejection> {
        keys::refuse_tenant(incoming)?;
        // Nothing of it is used before its signature is checked, but for the algorithm, the certificate and the topic.
        let message = Message::parse(incoming.body)?;
        let algorithm = match message.signature_version() {
            Some("1") => Algorithm::RsaSha1,
            Some("2") => Algorithm::RsaSha256,
            _ => return Err(Rejection::unauthenticated("the version of the signature is unknown")),
        };
        if !self.topics.iter().any(|topic| **topic == *message.topic()) {
            return Err(Rejection::unauthenticated("the topic is not one of yours"));
        }
        let url = message.certificate_url();
        CERTIFICATES.check(url)?;
        let candidate = signature::rsa(message.signature())?;
        let found = self.keys.find(url, None).await?;
        let signed = message.signed_text();
        let is_signed = found
            .with_id(None)
            .filter(|key| {
                let is_sns = |certificate: &Certificate| {
                    certificate.is_valid_at(incoming.now) && certificate.has_name(is_name)
                };
                found.is_fixed || key.certificate().is_some_and(is_sns)
            })
            .any(|key| key.verifies(algorithm, signed.as_bytes(), &candidate));
        if !is_signed {
            return Err(Rejection::unauthenticated("no signature matches"));
        }
        message.check_borders()?;
        signature::fresh_date(message.time(), incoming.now, self.tolerance)?;
        if message.kind() != Kind::Notification && !self.passes_confirmations {
            warn_of_unhandled(message.kind(), incoming.provider, message.topic());
            return Ok(Received::Handshake(RecordedResponse::new(StatusCode::OK, "")));
        }
        // The signature covers some fields, and not the text of the body.
        let proof = Verified::by_other_means(incoming.body);
        let scope = incoming.narrowed_scope(message.topic());
        let delivery = Delivery::new(&proof, scope, Key::new(message.id())?);
        Ok(Received::Delivery(delivery.with_attribute(Attributes::EVENT_TYPE, message.kind().name())))
    }
}

/// Warns of a confirmation that does not reach the handler: SNS sends no notifications before a subscription is confirmed, and none
/// after it has ended.
///
/// A forged message does not get here. A captured one does, for as long as its time is in the tolerance. The URL has a token, and is
/// left out.
fn warn_of_unhandled(kind: Kind, provider: Option<&str>, topic: &str) {
    match kind {
        Kind::Notification => {}
        Kind::SubscriptionConfirmation => tracing::warn!(
            target: "idempotency",
            provider,
            topic,
            "the subscription is not confirmed, so Amazon SNS sends no notifications: call `with_confirmations()`, request \
             a new confirmation in the console, and let the handler request its `SubscribeURL`"
        ),
        Kind::UnsubscribeConfirmation => tracing::warn!(
            target: "idempotency",
            provider,
            topic,
            "the endpoint is unsubscribed, so Amazon SNS sends no more notifications: if this was not intended, subscribe it \
             again"
        ),
    }
}

/// `sns.<region>.amazonaws.com`, also in China. A region begins with letters and ends with a number, so `s3-us-west-2`, under
/// which customers choose names, is none.
fn is_host(host: &str) -> bool {
    let region = host.strip_prefix("sns.").and_then(|rest| {
        rest.strip_suffix(".amazonaws.com").or_else(|| rest.strip_suffix(".amazonaws.com.cn"))
    });
    region.is_some_and(is_region)
}

fn is_region(region: &str) -> bool {
    let mut parts = region.split('-');
    let is_word = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_lowercase());
    let is_number = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    let (first, last) = (parts.next(), parts.next_back());
    first.is_some_and(|part| is_word(part) && part.len() <= 4)
        && last.is_some_and(is_number)
        && parts.clone().next().is_some()
        && parts.all(is_word)
}

fn is_path(path: &str) -> bool {
    let digest = path.strip_prefix("/SimpleNotificationService-").and_then(|rest| rest.strip_suffix(".pem"));
    digest.is_some_and(|digest| digest.len() == 32 && digest.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

/// The names in the certificates of SNS: `sns.amazonaws.com`, and in some regions `sns-<region>.amazonaws.com` or
/// `sns-signing.<region>.amazonaws.com`.
fn is_name(name: &str) -> bool {
    let rest = name.strip_suffix(".cn").unwrap_or(name).strip_suffix(".amazonaws.com");
    rest.is_some_and(|rest| {
        rest == "sns"
            || rest.strip_prefix("sns-signing.").or_else(|| rest.strip_prefix("sns-")).is_some_and(is_region)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_hosts_of_sns_in_a_region_are_accepted() {
        for host in [
            "sns.us-east-1.amazonaws.com",
            "sns.ap-southeast-12.amazonaws.com",
            "sns.us-gov-west-1.amazonaws.com",
            "sns.cn-north-1.amazonaws.com.cn",
        ] {
            assert!(is_host(host), "{host}");
        }
        for host in [
            "sns.amazonaws.com",
            "sns..amazonaws.com",
            "sns.s3.amazonaws.com",
            // Virtual hosts of buckets that are named `sns`.
            "sns.s3-us-west-2.amazonaws.com",
            "sns.s3.us-west-2.amazonaws.com",
            "sns.us-east-1.amazonaws.com.evil.example",
            "sns.us-east-1.amazonaws.co",
            "sns.us-east-1.evilamazonaws.com",
            "sqs.us-east-1.amazonaws.com",
            "xsns.us-east-1.amazonaws.com",
            "sns.us-east.amazonaws.com",
            "sns.us-1.amazonaws.com",
            "sns.us--1.amazonaws.com",
            "sns.evilevil-east-1.amazonaws.com",
            "sns.us-east-1.x.amazonaws.com",
        ] {
            assert!(!is_host(host), "{host}");
        }
    }

    #[test]
    fn only_paths_of_its_certificates_are_accepted() {
        assert!(is_path("/SimpleNotificationService-01d088a6f77103d0fe307c0069e40ed6.pem"));
        for path in [
            "/",
            "/x.pem",
            "/SimpleNotificationService-.pem",
            "/SimpleNotificationService-01d088a6f77103d0fe307c0069e40ed6.pem.txt",
            "/SimpleNotificationService-01d088a6f77103d0fe307c0069e40ed.pem",
            "/SimpleNotificationService-01d088a6f77103d0fe307c0069e40edg.pem",
            "/a/SimpleNotificationService-01d088a6f77103d0fe307c0069e40ed6.pem",
        ] {
            assert!(!is_path(path), "{path}");
        }
    }

    #[test]
    fn only_names_of_sns_are_accepted() {
        for name in [
            "sns.amazonaws.com",
            "sns-us-gov-west-1.amazonaws.com",
            "sns-cn-north-1.amazonaws.com.cn",
            "sns-signing.eu-south-1.amazonaws.com",
        ] {
            assert!(is_name(name), "{name}");
        }
        for name in [
            "amazonaws.com",
            "s3.amazonaws.com",
            "sns.evil.example",
            "sns-evil.amazonaws.com",
            "*.amazonaws.com",
        ] {
            assert!(!is_name(name), "{name}");
        }
    }
}
