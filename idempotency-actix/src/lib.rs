#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod body;
mod captured;
mod convert;
mod extract;
mod middleware;
mod service;

pub use body::ResponseBody;
pub use extract::{Idempotent, NotIdempotent};
pub use idempotency_core as core;
pub use idempotency_core::IdempotencyContext;
pub use middleware::IdempotencyMiddleware;
pub use service::{IdempotencyService, ResponseFuture};
