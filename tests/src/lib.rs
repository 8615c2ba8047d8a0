//! What the tests share: servers, proxies, clients, recorded deliveries.

pub mod demo;
pub mod http;
pub mod proxy;
pub mod redis_case;
pub mod redis_server;
pub mod scenarios;
pub mod vectors;

/// The examples in the pages for users, compiled and run like those of the crates.
#[cfg(doctest)]
mod pages {
    #[doc = include_str!("../../README.md")]
    struct Readme;
    #[doc = include_str!("../../docs/policy.md")]
    struct PolicyPage;
    #[doc = include_str!("../../docs/stores/memory.md")]
    struct MemoryPage;
    #[doc = include_str!("../../docs/stores/redis.md")]
    struct RedisPage;
    #[doc = include_str!("../../docs/stores/conformance.md")]
    struct ConformancePage;
}
