//! [policy]: idempotency_core::docs::policy
//! [shutdown]: idempotency_core::docs::shutdown
//! [the manual]: idempotency_core::docs
//! [Using the layer]: crate::docs
//!
// rustdoc uses the first definition of a link. So the README's links lead to modules here, and to files in
// the repository.
#![cfg_attr(any(not(doctest), all(feature = "redis", feature = "axum")), doc = include_str!("../README.md"))]
#![cfg_attr(docsrs, feature(doc_cfg))]

/// [methods]: idempotency_core::docs::providers#methods-other-than-post
///
#[cfg_attr(any(not(doctest), all(feature = "memory", feature = "axum", feature = "testing")), doc = include_str!("../docs/using.md"))]
pub mod docs {}

mod any_body;
mod body;
mod captured;
#[cfg(feature = "axum")]
mod extract;
mod future;
mod layer;
mod service;
#[cfg(feature = "testing")]
pub mod testing;

pub use any_body::{AnyBody, AnyBodyLayer, AnyBodyService};
pub use body::{ReadBody, Restorable};
#[cfg(feature = "axum")]
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
pub use layer::IdempotencyLayer;
pub use service::IdempotencyService;
