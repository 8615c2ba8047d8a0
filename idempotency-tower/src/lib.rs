#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod body;
mod captured;
#[cfg(feature = "axum")]
mod extract;
mod future;
mod layer;
mod service;

pub use body::{RequestBody, ResponseBody};
#[cfg(feature = "axum")]
pub use extract::{Idempotent, NotIdempotent};
pub use future::ResponseFuture;
pub use idempotency_core as core;
pub use idempotency_core::IdempotencyContext;
pub use layer::IdempotencyLayer;
pub use service::IdempotencyService;
