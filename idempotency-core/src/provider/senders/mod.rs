// The first definition of a link wins: here the page's links lead to modules, in the repository to files.
#![doc = concat!(
    include_str!("../../docs/links.md"),
    include_str!("../../docs/providers/senders.md"),
    include_str!("../../../docs/providers/catalogue.md")
)]

mod ai;
mod banking;
mod batches;
mod chains;
mod commerce;
mod community;
mod content;
mod data;
mod developers;
mod forges;
mod media;
mod operations;
mod payments;
mod people;
mod planning;
mod work;

use std::time::Duration;

use super::{Certainty, Handshake, Place, Scheme, TimeUnit, VersionForm, days};
use Certainty::{Confirmed, Reported, Unconfirmed};

pub use ai::{ANTHROPIC, ELEVENLABS, FIREFLIES, HUGGING_FACE, OPENAI, REPLICATE, RETELL, VAPI};
pub use banking::{AIRWALLEX, BREX, DWOLLA, FINTOC, INCREASE, MERCURY, REVOLUT};
#[cfg(feature = "p256")]
pub use batches::SENDGRID;
pub use batches::{
    ABLY, ASANA, AUTH0, GOCARDLESS, HELIUS, HUBSPOT, KONTENT_AI, LINE, META, OKTA, PUSHER, QUICKBOOKS,
    QUICKBOOKS_LEGACY, TAILSCALE, WISTIA, XERO,
};
pub use chains::{ALCHEMY, BLOCKFROST, BTCPAY};
pub use commerce::{
    BIGCOMMERCE, COMMERCE_LAYER, EASYPOST, LEMON_SQUEEZY, LOB, SHIPPO, SHOPWARE, SQUARESPACE, WHOP,
    WOOCOMMERCE,
};
pub use community::{CRISP, DISCOURSE, HELP_SCOUT, KNOCK, MASTODON, MICROSOFT_TEAMS, SINCH, TIKTOK};
pub use content::{CLOUDFLARE_STREAM, FILESTACK, GHOST, IMAGEKIT};
pub use data::{AIRTABLE, APPWRITE, DUB, HASURA, NANGO, SEGMENT};
pub use developers::{
    AWS_EVENTBRIDGE, BITBUCKET, CIRCLECI, GITLAB, GITLAB_SIGNED, HEROKU, INCIDENT_IO, JIRA, LINEAR, NPM,
    PAGERDUTY, SANITY, SENTRY, SUPABASE, VERCEL,
};
pub use forges::{BITBUCKET_DATA_CENTER, GITEA, GOGS};
pub use media::{
    DISCORD, DISCORD_EVENTS, LIVEBLOCKS, MUX, STREAM, TELEGRAM, TELNYX, TWITCH, TWITTER_X, ZOOM,
};
pub use operations::{
    AZURE_DEVOPS, BUILDKITE, CLOUDFLARE, DATADOG, EXPO, FLUX, GRAFANA, HARBOR, HCP_TERRAFORM, LANGFUSE,
    LAUNCHDARKLY, RENDER, SNYK, SONARQUBE,
};
pub use payments::{
    CASHFREE, CHARGEBEE, CHECKOUT, COINBASE_COMMERCE, CREEM, DODO_PAYMENTS, LAGO, LITHIC, METRONOME,
    MODERN_TREASURY, MOLLIE, ORB, PADDLE, PAYSTACK, POLAR, RAZORPAY, REVENUECAT, REVENUECAT_SIGNED, SQUARE,
};
pub use people::{
    ASHBY, ATTIO, BOLDSIGN, CASTLE, CUSTOMER_IO, FINCH, FORMBRICKS, GREENHOUSE, GUSTO, LOGTO, NYLAS, PERSONA,
    PIPEDRIVE, SUMSUB, TALLY, TERRA,
};
pub use planning::{CAL_COM, CLICKUP, CRONOFY, OUTLINE, PLANE, TAIGA};
pub use work::{
    BOX, CALENDLY, DOCUSIGN, DROPBOX, INTERCOM, NOTION, ONFIDO, POSTMARK, TRELLO, TYPEFORM, WEBFLOW, WORKOS,
    ZENDESK,
};

/// All schemes, by name.
pub const ALL: &[Scheme] = &[
    ABLY,
    AIRTABLE,
    AIRWALLEX,
    ALCHEMY,
    ANTHROPIC,
    APPWRITE,
    ASANA,
    ASHBY,
    ATTIO,
    AUTH0,
    AWS_EVENTBRIDGE,
    AZURE_DEVOPS,
    BIGCOMMERCE,
    BITBUCKET,
    BITBUCKET_DATA_CENTER,
    BLOCKFROST,
    BOLDSIGN,
    BOX,
    BREX,
    BTCPAY,
    BUILDKITE,
    CAL_COM,
    CALENDLY,
    CASHFREE,
    CASTLE,
    CHARGEBEE,
    CHECKOUT,
    CIRCLECI,
    CLICKUP,
    CLOUDFLARE,
    CLOUDFLARE_STREAM,
    COINBASE_COMMERCE,
    COMMERCE_LAYER,
    CREEM,
    CRISP,
    CRONOFY,
    CUSTOMER_IO,
    DATADOG,
    DISCORD,
    DISCORD_EVENTS,
    DISCOURSE,
    DOCUSIGN,
    DODO_PAYMENTS,
    DROPBOX,
    DUB,
    DWOLLA,
    EASYPOST,
    ELEVENLABS,
    EXPO,
    FILESTACK,
    FINCH,
    FINTOC,
    FIREFLIES,
    FLUX,
    FORMBRICKS,
    GHOST,
    GITEA,
    GITLAB,
    GITLAB_SIGNED,
    GOCARDLESS,
    GOGS,
    GRAFANA,
    GREENHOUSE,
    GUSTO,
    HARBOR,
    HASURA,
    HCP_TERRAFORM,
    HELIUS,
    HELP_SCOUT,
    HEROKU,
    HUBSPOT,
    HUGGING_FACE,
    IMAGEKIT,
    INCIDENT_IO,
    INCREASE,
    INTERCOM,
    JIRA,
    KNOCK,
    KONTENT_AI,
    LAGO,
    LANGFUSE,
    LAUNCHDARKLY,
    LEMON_SQUEEZY,
    LINE,
    LINEAR,
    LITHIC,
    LIVEBLOCKS,
    LOB,
    LOGTO,
    MASTODON,
    MERCURY,
    META,
    METRONOME,
    MICROSOFT_TEAMS,
    MODERN_TREASURY,
    MOLLIE,
    MUX,
    NANGO,
    NOTION,
    NPM,
    NYLAS,
    OKTA,
    ONFIDO,
    OPENAI,
    ORB,
    OUTLINE,
    PADDLE,
    PAGERDUTY,
    PAYSTACK,
    PERSONA,
    PIPEDRIVE,
    PLANE,
    POLAR,
    POSTMARK,
    PUSHER,
    QUICKBOOKS,
    QUICKBOOKS_LEGACY,
    RAZORPAY,
    RENDER,
    REPLICATE,
    RETELL,
    REVENUECAT,
    REVENUECAT_SIGNED,
    REVOLUT,
    SANITY,
    SEGMENT,
    #[cfg(feature = "p256")]
    SENDGRID,
    SENTRY,
    SHIPPO,
    SHOPWARE,
    SINCH,
    SNYK,
    SONARQUBE,
    SQUARE,
    SQUARESPACE,
    STREAM,
    SUMSUB,
    SUPABASE,
    TAIGA,
    TAILSCALE,
    TALLY,
    TELEGRAM,
    TELNYX,
    TERRA,
    TIKTOK,
    TRELLO,
    TWITCH,
    TWITTER_X,
    TYPEFORM,
    VAPI,
    VERCEL,
    WEBFLOW,
    WHOP,
    WISTIA,
    WOOCOMMERCE,
    WORKOS,
    XERO,
    ZENDESK,
    ZOOM,
];

/// What all senders that follow Standard Webhooks share. The key is the `webhook-id`.
const fn standard_webhooks(name: &'static str) -> Scheme {
    standard_webhooks_with_text(name).secret_in_base64("whsec_")
}

/// Standard Webhooks for a sender that signs with the text of the secret, and not with what it decodes to.
const fn standard_webhooks_with_text(name: &'static str) -> Scheme {
    Scheme::hmac_sha256(name)
        .signature_header("webhook-signature")
        .items(' ')
        .prefix("v1,")
        .base64()
        .timestamp_header("webhook-timestamp")
        .signing("{id}.{timestamp}.{body}")
        .key_in(Place::Header("webhook-id"))
        // By the specification, which is not the sender's own.
        .retry_repeats_key(true, Reported)
}

/// The signed text of Standard Webhooks for a sender whose key is in the body.
const STANDARD_WITH_HEADER_ID: &str = "{header:webhook-id}.{timestamp}.{body}";

const fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

const fn minutes(minutes: u64) -> Duration {
    seconds(minutes * 60)
}

const fn hours(hours: u64) -> Duration {
    minutes(hours * 60)
}
