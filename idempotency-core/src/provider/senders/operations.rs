//! Senders of builds, deployments, images and alerts.

use super::{Confirmed, Place, Reported, Scheme, seconds, standard_webhooks};

/// Buildkite, webhooks with a signature. It sends no id, so the key is the body's digest. The secret is the webhook's token.
///
/// See [its page](crate::docs::providers::senders::buildkite).
pub const BUILDKITE: Scheme = Scheme::hmac_sha256("buildkite")
    .titled("Buildkite")
    .described_by("https://github.com/buildkite/docs", Confirmed)
    .signature_header("x-buildkite-signature")
    .items(',')
    .timestamp_item("timestamp=")
    .prefix("signature=")
    .signing("{timestamp}.{body}")
    .key_in(Place::Digest)
    .type_in(Place::Json("/event"))
    .noting_setup(
        "The secret is the webhook's token. Choose to send an HMAC signature, and not the token itself.",
    )
    .noting("A body may show a later state of the build than its event.");

/// Cloudflare's notifications. **Nothing is signed**: a client that sees a request can forge any other. They have no id that
/// all of them share, so the key is the body's digest.
///
/// See [its page](crate::docs::providers::senders::cloudflare).
pub const CLOUDFLARE: Scheme = Scheme::token("cloudflare")
    .titled("Cloudflare (notifications)")
    .described_by(
        "https://github.com/cloudflare/cloudflare-docs/blob/production/src/content/docs/notifications/get-started/configure-webhooks.mdx",
        Confirmed,
    )
    .signature_header("cf-webhook-auth")
    .key_in(Place::Digest);

/// Flux, providers of the type `generic-hmac`. It sends no id, so the key is the body's digest, which has the event's time.
///
/// See [its page](crate::docs::providers::senders::flux).
pub const FLUX: Scheme = Scheme::hmac_sha256("flux")
    .titled("Flux (generic-hmac)")
    .described_by("https://github.com/fluxcd/notification-controller", Confirmed)
    .signature_header("x-signature")
    .prefix("sha256=")
    .key_in(Place::Digest)
    .type_in(Place::Json("/reason"));

/// Grafana Alerting, webhooks with an HMAC signature. It sends no id, so the key is the body's digest.
///
/// See [its page](crate::docs::providers::senders::grafana).
pub const GRAFANA: Scheme = Scheme::hmac_sha256("grafana")
    .titled("Grafana Alerting")
    .described_by("https://github.com/grafana/alerting", Confirmed)
    .signature_header("x-grafana-alerting-signature")
    .key_in(Place::Digest)
    .type_in(Place::Json("/status"))
    .noting_setup("Leave the timestamp header empty.")
    .noting("A reminder whose body is that of the alert before counts as the same event.");

/// Harbor. **Nothing is signed**: a client that sees a request can forge any other. It sends no id in its default format, so
/// the key is the body's digest. The secret is the policy's authentication header, as a whole.
///
/// See [its page](crate::docs::providers::senders::harbor).
pub const HARBOR: Scheme = Scheme::token("harbor")
    .titled("Harbor")
    .described_by("https://github.com/goharbor/harbor", Confirmed)
    .signature_header("authorization")
    .key_in(Place::Digest)
    .type_in(Place::Json("/type"))
    .retries_after_4xx(true, Confirmed)
    .noting_setup("The secret is the whole value of the policy's authentication header.")
    .noting("It makes 3 attempts, unless it is configured otherwise.");

/// HCP Terraform and Terraform Enterprise. They send no id, so the key is the body's digest.
///
/// See [its page](crate::docs::providers::senders::hcp_terraform).
pub const HCP_TERRAFORM: Scheme = Scheme::hmac_sha512("hcp-terraform")
    .titled("HCP Terraform")
    .described_by("https://github.com/hashicorp/terraform-docs-common", Confirmed)
    .signature_header("x-tfe-notification-signature")
    .key_in(Place::Digest)
    .type_in(Place::FirstOf(&[Place::Json("/notifications/0/trigger"), Place::Json("/trigger")]));

/// Langfuse. The key is the execution's id, which a retry keeps although it has a time of its own. A message without an id has
/// the body's digest.
///
/// See [its page](crate::docs::providers::senders::langfuse).
pub const LANGFUSE: Scheme = Scheme::hmac_sha256("langfuse")
    .titled("Langfuse")
    .described_by("https://github.com/langfuse/langfuse", Confirmed)
    .signature_header("x-langfuse-signature")
    .items(',')
    .timestamp_item("t=")
    .prefix("v1=")
    .signing("{timestamp}.{body}")
    .key_in(Place::FirstOf(&[Place::Json("/id"), Place::Digest]))
    .type_in(Place::Joined(&[Place::Json("/type"), Place::Json("/action")]))
    .waits_for(seconds(10), Confirmed)
    .retry_repeats_key(true, Confirmed)
    .noting("It makes at least 4 attempts, in quick succession.");

/// LaunchDarkly. The key is the id of the entry in the audit log.
///
/// See [its page](crate::docs::providers::senders::launchdarkly).
pub const LAUNCHDARKLY: Scheme = Scheme::hmac_sha256("launchdarkly")
    .titled("LaunchDarkly")
    .described_by("https://launchdarkly.com/docs/home/infrastructure/webhooks", Confirmed)
    .signature_header("x-ld-signature")
    .key_in(Place::Json("/_id"))
    .noting("Events may arrive out of order.");

/// Render.
///
/// See [its page](crate::docs::providers::senders::render).
pub const RENDER: Scheme = standard_webhooks("render")
    .titled("Render")
    .described_by("https://github.com/render-examples/webhook-github-action", Confirmed)
    .type_in(Place::Json("/type"));

/// Snyk. The id is in a header that the signature does not cover.
///
/// See [its page](crate::docs::providers::senders::snyk).
pub const SNYK: Scheme = Scheme::hmac_sha256("snyk")
    .titled("Snyk")
    .described_by("https://docs.snyk.io/snyk-api/using-specific-snyk-apis/webhooks-apis/webhooks", Confirmed)
    .signature_header("x-hub-signature")
    .prefix("sha256=")
    .key_in(Place::Header("x-snyk-transport-id"));

/// SonarQube Server and SonarQube Cloud. A change of an issue may send a task's id again, so the key is the body's digest.
///
/// See [its page](crate::docs::providers::senders::sonarqube).
pub const SONARQUBE: Scheme = Scheme::hmac_sha256("sonarqube")
    .titled("SonarQube")
    .described_by("https://docs.sonarsource.com/sonarqube-server/discovering/integrations/webhooks", Reported)
    .signature_header("x-sonar-webhook-hmac-sha256")
    .key_in(Place::Digest)
    .type_in(Place::Json("/status"))
    .waits_for(seconds(10), Confirmed);

/// Azure DevOps' service hooks, with basic authentication. **Nothing is signed.** Two subscriptions may report one event, so the
/// subscription is part of the key.
///
/// See [its page](crate::docs::providers::senders::azure_devops).
pub const AZURE_DEVOPS: Scheme = Scheme::basic_auth("azure-devops")
    .titled("Azure DevOps (service hooks)")
    .described_by("https://learn.microsoft.com/en-us/azure/devops/service-hooks/events", Confirmed)
    .key_in(Place::Joined(&[Place::Json("/subscriptionId"), Place::Json("/id")]))
    .type_in(Place::Json("/eventType"))
    .noting_setup("Set the user and the password in the subscription: they are optional there.");

/// Datadog's webhooks, with basic authentication in the URL and the default payload. **Nothing is signed.** The key is the event's id.
///
/// See [its page](crate::docs::providers::senders::datadog).
pub const DATADOG: Scheme = Scheme::basic_auth("datadog")
    .titled("Datadog")
    .described_by("https://docs.datadoghq.com/integrations/webhooks/", Confirmed)
    .key_in(Place::Json("/id"))
    .type_in(Place::Json("/event_type"))
    .waits_for(seconds(15), Confirmed)
    .retries_after_4xx(false, Confirmed)
    .noting_setup("Put the user and the password into the webhook's URL, before an `@`. The payload is a template: keep the line `\"id\": \"$ID\"` of the default one.")
    .noting("It retries a lost connection 5 times.");

/// Expo's EAS Build and EAS Submit. It sends no id of an event, so the key is the body's digest. The type is the job's status.
///
/// See [its page](crate::docs::providers::senders::expo).
pub const EXPO: Scheme = Scheme::hmac_sha1("expo")
    .titled("Expo (EAS)")
    .described_by("https://docs.expo.dev/eas/webhooks/", Confirmed)
    .signature_header("expo-signature")
    .prefix("sha1=")
    .key_in(Place::Digest)
    .type_in(Place::Json("/status"))
    .retries_after_4xx(true, Confirmed)
    .noting_answers("An answer from 200 to 399 is a success.")
    .noting("It retries a few times, at growing intervals.");
