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

pub use ai::{ANTHROPIC, ELEVENLABS, OPENAI, REPLICATE, RETELL};
pub use banking::{AIRWALLEX, BREX, FINTOC, INCREASE, REVOLUT};
#[cfg(feature = "p256")]
pub use batches::SENDGRID;
pub use batches::{
    ABLY, ASANA, AUTH0, GOCARDLESS, HELIUS, HUBSPOT, KONTENT_AI, LINE, META, OKTA, PUSHER, QUICKBOOKS,
    QUICKBOOKS_LEGACY, TAILSCALE, XERO,
};
pub use chains::{ALCHEMY, BLOCKFROST, BTCPAY};
pub use commerce::{BIGCOMMERCE, EASYPOST, LEMON_SQUEEZY, SHIPPO, WHOP, WOOCOMMERCE};
pub use community::{CRISP, DISCOURSE, HELP_SCOUT, KNOCK, MASTODON, MICROSOFT_TEAMS, SINCH};
pub use content::{CLOUDFLARE_STREAM, FILESTACK, GHOST, IMAGEKIT};
pub use data::{APPWRITE, DUB, NANGO, SEGMENT};
pub use developers::{
    AWS_EVENTBRIDGE, BITBUCKET, CIRCLECI, GITLAB, GITLAB_SIGNED, HEROKU, INCIDENT_IO, JIRA, LINEAR, NPM,
    PAGERDUTY, SANITY, SENTRY, SUPABASE, VERCEL,
};
pub use forges::{GITEA, GOGS};
pub use media::{
    DISCORD, DISCORD_EVENTS, LIVEBLOCKS, MUX, STREAM, TELEGRAM, TELNYX, TWITCH, TWITTER_X, ZOOM,
};
pub use operations::{
    BUILDKITE, CLOUDFLARE, FLUX, GRAFANA, HARBOR, HCP_TERRAFORM, LANGFUSE, LAUNCHDARKLY, RENDER, SNYK,
    SONARQUBE,
};
pub use payments::{
    CASHFREE, CHARGEBEE, CHECKOUT, COINBASE_COMMERCE, CREEM, DODO_PAYMENTS, LAGO, LITHIC, METRONOME,
    MODERN_TREASURY, MOLLIE, ORB, PADDLE, PAYSTACK, POLAR, RAZORPAY, SQUARE,
};
pub use people::{BOLDSIGN, CASTLE, FINCH, FORMBRICKS, GREENHOUSE, LOGTO, PERSONA, TERRA};
pub use planning::{CAL_COM, CLICKUP, CRONOFY, OUTLINE, PLANE, TAIGA};
pub use work::{
    BOX, CALENDLY, DOCUSIGN, DROPBOX, INTERCOM, NOTION, ONFIDO, POSTMARK, TRELLO, TYPEFORM, WEBFLOW, WORKOS,
    ZENDESK,
};

/// All schemes, by name.
pub const ALL: &[Scheme] = &[
    ABLY,
    AIRWALLEX,
    ALCHEMY,
    ANTHROPIC,
    APPWRITE,
    ASANA,
    AUTH0,
    AWS_EVENTBRIDGE,
    BIGCOMMERCE,
    BITBUCKET,
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
    CREEM,
    CRISP,
    CRONOFY,
    DISCORD,
    DISCORD_EVENTS,
    DISCOURSE,
    DOCUSIGN,
    DODO_PAYMENTS,
    DROPBOX,
    DUB,
    EASYPOST,
    ELEVENLABS,
    FILESTACK,
    FINCH,
    FINTOC,
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
    HARBOR,
    HCP_TERRAFORM,
    HELIUS,
    HELP_SCOUT,
    HEROKU,
    HUBSPOT,
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
    LOGTO,
    MASTODON,
    META,
    METRONOME,
    MICROSOFT_TEAMS,
    MODERN_TREASURY,
    MOLLIE,
    MUX,
    NANGO,
    NOTION,
    NPM,
    OKTA,
    ONFIDO,
    OPENAI,
    ORB,
    OUTLINE,
    PADDLE,
    PAGERDUTY,
    PAYSTACK,
    PERSONA,
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
    REVOLUT,
    SANITY,
    SEGMENT,
    #[cfg(feature = "p256")]
    SENDGRID,
    SENTRY,
    SHIPPO,
    SINCH,
    SNYK,
    SONARQUBE,
    SQUARE,
    STREAM,
    SUPABASE,
    TAIGA,
    TAILSCALE,
    TELEGRAM,
    TELNYX,
    TERRA,
    TRELLO,
    TWITCH,
    TWITTER_X,
    TYPEFORM,
    VERCEL,
    WEBFLOW,
    WHOP,
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
