//! Shared by the tests: servers, proxies, clients, recorded deliveries.
#![expect(
    clippy::exhaustive_enums,
    clippy::exhaustive_structs,
    clippy::missing_panics_doc,
    clippy::must_use_candidate,
    clippy::return_self_not_must_use,
    reason = "a part of tests, which panic if something is wrong"
)]

pub mod captured;
pub mod demo;
pub mod faults;
pub mod http;
pub mod listing;
pub mod orders;
pub mod port;
mod postgres_messages;
pub mod postgres_server;
pub mod proxy;
pub mod redis_case;
pub mod redis_cluster;
pub mod redis_limits;
pub mod redis_sentinel;
pub mod redis_server;
pub mod scenarios;
pub mod vectors;

/// The examples in the user documentation, compiled and run like those of the crates.
#[cfg(doctest)]
mod pages {
    #[doc = include_str!("../../README.md")]
    struct Readme;
    #[doc = include_str!("../../idempotency-core/docs/deployment.md")]
    struct DeploymentPage;
    #[doc = include_str!("../../idempotency-core/docs/migrating.md")]
    struct MigratingPage;
    #[doc = include_str!("../../idempotency-core/docs/operating.md")]
    struct OperatingPage;
    #[doc = include_str!("../../idempotency-core/docs/handing-over.md")]
    struct HandingOverPage;
    #[doc = include_str!("../../idempotency-core/docs/providers/stripe.md")]
    struct StripePage;
    #[doc = include_str!("../../idempotency-core/docs/policy.md")]
    struct PolicyPage;
    #[doc = include_str!("../../idempotency-core/docs/shutdown.md")]
    struct ShutdownPage;
    #[doc = include_str!("../../idempotency-core/docs/stores/memory.md")]
    struct MemoryPage;
    #[doc = include_str!("../../idempotency-core/docs/stores/cache.md")]
    struct CachePage;
    #[doc = include_str!("../../idempotency-core/docs/stores/redis.md")]
    struct RedisPage;
    #[doc = include_str!("../../idempotency-sqlx/docs/transactions.md")]
    struct TransactionsPage;
    #[doc = include_str!("../../idempotency-sqlx/docs/outbox.md")]
    struct OutboxPage;
    #[doc = include_str!("../../idempotency-sqlx/docs/sqlite.md")]
    struct SqlitePage;
    #[doc = include_str!("../../idempotency-core/docs/stores/conformance.md")]
    struct ConformancePage;
}
