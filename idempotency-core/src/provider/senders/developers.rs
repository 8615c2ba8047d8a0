//! Senders of code, builds, incidents and issues.

use super::{
    Confirmed, Place, Reported, STANDARD_WITH_HEADER_ID, Scheme, TimeUnit, Unconfirmed, VersionForm, hours,
    minutes, seconds, standard_webhooks,
};

/// Bitbucket Cloud. The id is in a header that the signature does not cover.
///
/// See [its page](crate::docs::providers::senders::bitbucket).
pub const BITBUCKET: Scheme = Scheme::hmac_sha256("bitbucket")
    .titled("Bitbucket Cloud")
    .described_by("https://support.atlassian.com/bitbucket-cloud/docs/event-payloads/", Confirmed)
    .signature_header("x-hub-signature")
    .prefix("sha256=")
    .key_in(Place::Header("x-request-uuid"))
    .waits_for(seconds(10), Unconfirmed);

/// Jira Cloud, webhooks with a secret. The id is in a header that the signature does not cover. It is unique per site, so give
/// each site an endpoint of its own.
///
/// See [its page](crate::docs::providers::senders::jira).
pub const JIRA: Scheme = Scheme::hmac_sha256("jira")
    .titled("Jira Cloud")
    .described_by("", Reported)
    .signature_header("x-hub-signature")
    .prefix("sha256=")
    .key_in(Place::Header("x-atlassian-webhook-identifier"))
    .type_in(Place::Json("/webhookEvent"))
    .retry_repeats_key(true, Confirmed)
    .noting_setup("Only webhooks that an administrator made with a secret are signed. An id is unique only within its site, so give each site its own endpoint.");

/// Events of groups have no `object_kind`.
const GITLAB_TYPE: Place = Place::FirstOf(&[Place::Json("/object_kind"), Place::Json("/event_name")]);

/// The largest body of a GitLab webhook, in bytes.
const GITLAB_BODY: usize = 25 * 1024 * 1024;

/// GitLab with a secret token. **Nothing is signed**: a client that sees a request can forge any other. Prefer
/// [`GITLAB_SIGNED`].
///
/// See [its page](crate::docs::providers::senders::gitlab).
pub const GITLAB: Scheme = Scheme::token("gitlab")
    .titled("GitLab (secret token)")
    .described_by(
        "https://github.com/gitlabhq/gitlabhq/blob/master/doc/user/project/integrations/webhooks.md",
        Confirmed,
    )
    .signature_header("x-gitlab-token")
    .body_limit(GITLAB_BODY)
    .key_in(Place::Header("idempotency-key"))
    .type_in(GITLAB_TYPE)
    .waits_for(seconds(10), Confirmed)
    .retry_repeats_key(true, Confirmed)
    .redelivery_repeats_key(true, Confirmed)
    .noting_setup("Since GitLab 19.0, prefer a signing token, with `senders::GITLAB_SIGNED`.")
    .noting("GitLab before 17.4 sends no `Idempotency-Key` and is refused.");

/// GitLab with a signing token, by the rules of Standard Webhooks.
///
/// See [its page](crate::docs::providers::senders::gitlab_signed).
pub const GITLAB_SIGNED: Scheme = standard_webhooks("gitlab-signed")
    .titled("GitLab (signing token)")
    .described_by("https://gitlab.com/gitlab-org/gitlab/-/merge_requests/230944", Confirmed)
    .body_limit(GITLAB_BODY)
    .type_in(GITLAB_TYPE)
    .waits_for(seconds(10), Confirmed)
    .retry_repeats_key(true, Confirmed)
    .redelivery_repeats_key(true, Confirmed);

/// CircleCI.
///
/// See [its page](crate::docs::providers::senders::circleci).
pub const CIRCLECI: Scheme = Scheme::hmac_sha256("circleci")
    .titled("CircleCI")
    .described_by("", Unconfirmed)
    .signature_header("circleci-signature")
    .items(',')
    .prefix("v1=")
    .key_in(Place::Json("/id"))
    .type_in(Place::Json("/type"))
    .account_in(Place::Json("/organization/id"));

/// Vercel.
///
/// See [its page](crate::docs::providers::senders::vercel).
pub const VERCEL: Scheme = Scheme::hmac_sha1("vercel")
    .titled("Vercel")
    .described_by("", Reported)
    .signature_header("x-vercel-signature")
    .key_in(Place::Json("/id"))
    .type_in(Place::Json("/type"));

/// Heroku. The attempt's id in the body changes from attempt to attempt, so the key is the event's id.
///
/// See [its page](crate::docs::providers::senders::heroku).
pub const HEROKU: Scheme = Scheme::hmac_sha256("heroku")
    .titled("Heroku")
    .described_by("https://devcenter.heroku.com/changelog-items/1966", Unconfirmed)
    .signature_header("heroku-webhook-hmac-sha256")
    .base64()
    .key_in(Place::Json("/webhook_metadata/event/id"))
    .type_in(Place::Joined(&[Place::Json("/webhook_metadata/event/include"), Place::Json("/action")]))
    .differing_between_attempts(&["/webhook_metadata/attempt"])
    .retries_for(hours(72), Confirmed);

/// Sentry's integrations. The id is in a header that the signature does not cover.
///
/// See [its page](crate::docs::providers::senders::sentry).
pub const SENTRY: Scheme = Scheme::hmac_sha256("sentry")
    .titled("Sentry")
    .described_by("", Unconfirmed)
    .signature_header("sentry-hook-signature")
    .key_in(Place::Header("request-id"))
    .account_in(Place::Json("/installation/uuid"))
    .waits_for(seconds(1), Unconfirmed);

/// PagerDuty, webhooks of version 3.
///
/// See [its page](crate::docs::providers::senders::pagerduty).
pub const PAGERDUTY: Scheme = Scheme::hmac_sha256("pagerduty")
    .titled("PagerDuty (v3)")
    .described_by("https://github.com/PagerDuty/go-pagerduty", Confirmed)
    .signature_header("x-pagerduty-signature")
    .items(',')
    .prefix("v1=")
    .key_in(Place::Json("/event/id"))
    .type_in(Place::Json("/event/event_type"))
    .ordered_by(
        Place::Joined(&[Place::Json("/event/resource_type"), Place::Json("/event/data/id")]),
        Place::Json("/event/occurred_at"),
        VersionForm::Time(TimeUnit::Rfc3339),
    )
    .noting_answers("A 400 or 403 answer may stop its retries: the examples of its SDK use them for that.");

/// Linear. The id is in a header that the signature does not cover. The signed time is in the body.
///
/// Its SDK refuses a time that is older than 60 s, so each attempt should have a time of its own. The time is left out of
/// the fingerprint. An event's type has its action, such as `Issue;update`: a late `Issue;create` is no older update.
///
/// See [its page](crate::docs::providers::senders::linear).
pub const LINEAR: Scheme = Scheme::hmac_sha256("linear")
    .titled("Linear")
    .described_by("https://github.com/linear/linear", Confirmed)
    .signature_header("linear-signature")
    .timestamp_in_body("/webhookTimestamp")
    .time_unit(TimeUnit::Milliseconds)
    .tolerance(seconds(60))
    .key_in(Place::Header("linear-delivery"))
    .type_in(Place::Joined(&[Place::Json("/type"), Place::Json("/action")]))
    .account_in(Place::Json("/organizationId"))
    .ordered_by(
        Place::Joined(&[Place::Json("/type"), Place::Json("/data/id")]),
        Place::Json("/data/updatedAt"),
        VersionForm::Time(TimeUnit::Rfc3339),
    )
    .differing_between_attempts(&["/webhookTimestamp"])
    .retries_for(minutes(421), Reported)
    .waits_for(seconds(5), Reported)
    .retry_repeats_key(true, Confirmed)
    .noting("It is not known whether a retry has a new time. **If it keeps the old one, it is refused**: raise the tolerance.");

/// Sanity. The id is in a header that the signature does not cover. A time is signed, but its SDK accepts any age, and so does
/// this scheme.
///
/// See [its page](crate::docs::providers::senders::sanity).
pub const SANITY: Scheme = Scheme::hmac_sha256("sanity")
    .titled("Sanity")
    .described_by("https://github.com/sanity-io/webhook-toolkit", Confirmed)
    .signature_header("sanity-webhook-signature")
    .items(',')
    .timestamp_item("t=")
    .time_unit(TimeUnit::Milliseconds)
    .any_age()
    .prefix("v1=")
    .base64_url()
    .signing("{timestamp}.{body}")
    .methods(&["PUT", "PATCH"])
    .key_in(Place::Header("idempotency-key"))
    .retries_for(minutes(1), Confirmed)
    .retries_after_4xx(false, Confirmed)
    .noting_answers("A 429 is retried (confirmed).");

/// Amazon EventBridge, API destinations whose connection sends an API key in `x-api-key`. **Nothing is signed**. An event that
/// is replayed from an archive has the same id and a `replay-name`, so it counts as the same event.
///
/// See [its page](crate::docs::providers::senders::aws_eventbridge).
pub const AWS_EVENTBRIDGE: Scheme = Scheme::token("aws-eventbridge")
    .titled("Amazon EventBridge (API key)")
    .described_by("", Unconfirmed)
    .signature_header("x-api-key")
    .key_in(Place::Json("/id"))
    .type_in(Place::Json("/detail-type"))
    .account_in(Place::Json("/account"))
    .differing_between_attempts(&["/replay-name"])
    .retries_for(hours(24), Unconfirmed)
    .waits_for(seconds(5), Unconfirmed)
    .redelivery_repeats_key(true, Unconfirmed)
    .noting_setup("Set the connection's API key name to `x-api-key`: AWS lets you choose it.")
    .noting("A redelivery by hand is a replay from an archive.");

/// incident.io, which sends through Svix.
///
/// See [its page](crate::docs::providers::senders::incident_io).
pub const INCIDENT_IO: Scheme = standard_webhooks("incident-io")
    .titled("incident.io")
    .described_by("https://docs.incident.io/integrations/webhooks", Unconfirmed)
    .type_in(Place::Json("/event_type"))
    .retries_for(hours(24), Confirmed)
    .retries_after_4xx(true, Confirmed)
    .noting(
        "It uses Svix (confirmed), with headers named `webhook-` (not confirmed). If they are named `svix-`, use `StandardWebhooks::svix`. After 5 days of failures it disables the endpoint.",
    );

/// Supabase Auth hooks. `webhook-id` is new for every attempt, so the key is the `uuid` in the metadata.
///
/// Supabase waits for the answer and uses it, so the handler answers 200 with JSON. Its hooks may have several secrets,
/// separated by `|`: call [`with_secret`](super::super::SchemeProvider::with_secret) for each.
///
/// See [its page](crate::docs::providers::senders::supabase).
pub const SUPABASE: Scheme = standard_webhooks("supabase")
    .titled("Supabase (Auth hooks)")
    .described_by("https://github.com/supabase/auth", Confirmed)
    .secret_in_base64("v1,whsec_")
    .signing(STANDARD_WITH_HEADER_ID)
    .key_in(Place::Json("/metadata/uuid"))
    .type_in(Place::Json("/metadata/name"))
    .retries_for(seconds(5), Confirmed)
    .waits_for(seconds(5), Confirmed)
    .retry_repeats_key(true, Confirmed)
    .noting_answers("It uses the answer: a sign-in fails unless it is a 200, 202 or 204 with JSON. A 429 or 503 with `Retry-After` is retried.")
    .noting_setup("A hook may have several secrets, separated by `|`: call `with_secret` for each.")
    .noting(
        "It tries three times within 5 s. The sign-in waits for the answer, so what decides it cannot go to a queue.",
    );

/// npm, hooks of the registry. It sends no id, so the key is the body's digest.
///
/// See [its page](crate::docs::providers::senders::npm).
pub const NPM: Scheme = Scheme::hmac_sha256("npm")
    .titled("npm hooks")
    .described_by("https://github.com/npm/npm-hook-receiver", Confirmed)
    .signature_header("x-npm-signature")
    .prefix("sha256=")
    .key_in(Place::Digest)
    .type_in(Place::Json("/event"))
    .account_in(Place::Json("/hookOwner/username"));
