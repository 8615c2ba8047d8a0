// The first definition of a link wins: here the page's links lead to modules, in the repository to files.
#![doc = concat!(include_str!("../../docs/links.md"), include_str!("../../../docs/providers/catalogue.md"))]

mod commerce;
mod developers;
mod media;
mod payments;
mod work;

use std::time::Duration;

use super::{Certainty, Handshake, Place, Scheme, TimeUnit, days};
use Certainty::{Confirmed, Reported, Unconfirmed};

pub use commerce::{EASYPOST, LEMON_SQUEEZY, WOOCOMMERCE};
pub use developers::{
    AWS_EVENTBRIDGE, BITBUCKET, CIRCLECI, GITLAB, GITLAB_SIGNED, HEROKU, JIRA, LINEAR, PAGERDUTY, SANITY,
    SENTRY, VERCEL,
};
pub use media::{TELEGRAM, TWITCH, ZOOM};
pub use payments::{CHECKOUT, COINBASE_COMMERCE, MOLLIE, PADDLE, RAZORPAY, SQUARE};
pub use work::{BOX, CALENDLY, DOCUSIGN, INTERCOM, POSTMARK, TRELLO, TYPEFORM, WORKOS, ZENDESK};

/// All schemes, by name.
pub const ALL: &[Scheme] = &[
    AWS_EVENTBRIDGE,
    BITBUCKET,
    BOX,
    CALENDLY,
    CHECKOUT,
    CIRCLECI,
    COINBASE_COMMERCE,
    DOCUSIGN,
    EASYPOST,
    GITLAB,
    GITLAB_SIGNED,
    HEROKU,
    INTERCOM,
    JIRA,
    LEMON_SQUEEZY,
    LINEAR,
    MOLLIE,
    PADDLE,
    PAGERDUTY,
    POSTMARK,
    RAZORPAY,
    SANITY,
    SENTRY,
    SQUARE,
    TELEGRAM,
    TRELLO,
    TWITCH,
    TYPEFORM,
    VERCEL,
    WOOCOMMERCE,
    WORKOS,
    ZENDESK,
    ZOOM,
];

const fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

const fn minutes(minutes: u64) -> Duration {
    seconds(minutes * 60)
}

const fn hours(hours: u64) -> Duration {
    minutes(hours * 60)
}
