#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod any_body;
mod body;
mod captured;
#[cfg(feature = "axum")]
mod extract;
mod future;
mod layer;
mod service;

pub use any_body::{AnyBody, AnyBodyLayer, AnyBodyService};
pub use body::{ReadBody, Restorable};
#[cfg(feature = "axum")]
pub use extract::{Idempotent, IdempotentBatch, NotIdempotent};
pub use future::ResponseFuture;
pub use idempotency_core as core;
#[cfg(feature = "memory")]
pub use idempotency_core::MemoryStore;
#[cfg(feature = "redis")]
pub use idempotency_core::RedisStore;
#[cfg(feature = "testing")]
pub use idempotency_core::testing;
pub use idempotency_core::{
    DoNotRecord, Idempotency, IdempotencyContext, Namespace, Policy, Provider, Scope, Store, provider,
};
pub use layer::IdempotencyLayer;
pub use service::IdempotencyService;
