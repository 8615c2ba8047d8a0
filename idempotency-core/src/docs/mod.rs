//! The manual. Each page is a module without items, and a file under `docs/` in the repository.
//!
//! | To | Read |
//! |---|---|
//! | use the layer or the middleware | the module `docs` of `idempotency_tower` and of `idempotency_actix` |
//! | choose store, policy, provider, order and durability | [`choosing`] |
//! | know what is promised, what is not, and why to believe it | [`guarantees`], [`protocol`], [`reliability`], [`failures`] |
//! | set a route up for a sender, or for your own API | [`providers`] |
//! | keep records | [`stores`] |
//! | change durations, answers, or the behaviour in an outage | [`policy`] |
//! | know what it costs | [`costs`], [`performance`] |
//! | deploy, watch and repair it | [`deployment`], [`shutdown`], [`operating`] |
//! | hand work to another process, or record in your own transaction | [`handing_over`] |
//! | move from a `SET NX` lock | [`migrating`] |
//! | look a word up | [`glossary`] |

// The first definition of a link wins. So `links.md` and `providers/senders.md`, put before a page, send the page's links to the
// other modules, while in the repository the definitions at the page's end send them to the other files. The examples of the
// pages also use the adapters, so the package of the workspace's tests compiles them, and a doctest of this crate sees no page.
macro_rules! text {
    ($file:literal) => {
        concat!(
            include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/src/docs/links.md")),
            include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/src/docs/providers/senders.md")),
            include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/", $file))
        )
    };
}

macro_rules! page {
    ($name:ident, $file:literal) => {
        #[cfg_attr(not(doctest), doc = text!($file))]
        pub mod $name {}
    };
}

page!(choosing, "choosing.md");
page!(costs, "costs.md");
page!(deployment, "deployment.md");
page!(failures, "failures.md");
page!(glossary, "glossary.md");
page!(guarantees, "guarantees.md");
page!(handing_over, "handing-over.md");
page!(migrating, "migrating.md");
page!(operating, "operating.md");

// `plots.md` has the plots themselves as the addresses of their links.
#[cfg_attr(not(doctest), doc = concat!(include_str!("plots.md"), text!("performance.md")))]
pub mod performance {}

page!(policy, "policy.md");
page!(protocol, "protocol.md");
page!(reliability, "reliability.md");
page!(reliability_results, "reliability-results.md");
page!(shutdown, "shutdown.md");

#[cfg_attr(not(doctest), doc = text!("providers/README.md"))]
pub mod providers {
    page!(catalogue, "providers/catalogue.md");
    page!(content_key, "providers/content-key.md");
    page!(custom, "providers/custom.md");
    page!(github, "providers/github.md");
    page!(idempotency_key, "providers/idempotency-key.md");
    page!(public_keys, "providers/public-keys.md");
    page!(registry, "providers/registry.md");
    page!(scheme, "providers/scheme.md");
    page!(secrets, "providers/secrets.md");
    pub mod senders;
    page!(shopify, "providers/shopify.md");
    page!(slack, "providers/slack.md");
    page!(standard_webhooks, "providers/standard-webhooks.md");
    page!(stripe, "providers/stripe.md");
    page!(twilio, "providers/twilio.md");
}

#[cfg_attr(not(doctest), doc = text!("stores/README.md"))]
pub mod stores {
    page!(cache, "stores/cache.md");
    page!(conformance, "stores/conformance.md");
    page!(memory, "stores/memory.md");
    page!(redis, "stores/redis.md");
    page!(redis_measured, "stores/redis-measured.md");
    page!(redis_operating, "stores/redis-operating.md");
}
