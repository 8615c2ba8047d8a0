#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod body;
mod captured;
mod carried;
mod convert;
mod extract;
mod middleware;
mod service;

pub use body::ResponseBody;
pub use extract::{Idempotent, IdempotentBatch, NotIdempotent};
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
pub use middleware::IdempotencyMiddleware;
pub use service::{IdempotencyService, ResponseFuture};
