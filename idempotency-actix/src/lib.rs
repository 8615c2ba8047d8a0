//! [policy]: idempotency_core::docs::policy
//! [shutdown]: idempotency_core::docs::shutdown
//! [the manual]: idempotency_core::docs
//! [Using the middleware]: crate::docs
//!
// rustdoc uses the first definition of a link. So the README's links lead to modules here, and to files in
// the repository.
#![cfg_attr(any(not(doctest), feature = "redis"), doc = include_str!("../README.md"))]
#![cfg_attr(docsrs, feature(doc_cfg))]

/// [methods]: idempotency_core::docs::providers#methods-other-than-post
///
#[cfg_attr(any(not(doctest), all(feature = "memory", feature = "testing")), doc = include_str!("../docs/using.md"))]
pub mod docs {}

mod body;
mod captured;
mod carried;
mod convert;
mod extract;
mod future;
mod middleware;
mod service;
#[cfg(feature = "testing")]
pub mod testing;

pub use body::ResponseBody;
pub use extract::{Idempotent, IdempotentBatch, NotIdempotent};
pub use future::ResponseFuture;
pub use idempotency_core as core;
#[cfg(feature = "cache")]
pub use idempotency_core::store::cached::CachedStore;
#[cfg(feature = "memory")]
pub use idempotency_core::store::memory::MemoryStore;
#[cfg(feature = "redis")]
pub use idempotency_core::store::redis::RedisStore;
pub use idempotency_core::{
    DoNotRecord, Idempotency, IdempotencyContext, Namespace, Policy, Scope, provider,
};
pub use middleware::IdempotencyMiddleware;
pub use service::IdempotencyService;
