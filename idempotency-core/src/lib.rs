#![doc = include_str!("../README.md")]
//!
//! # Where to read on
//!
//! | You want to | Read |
//! |---|---|
//! | run work once per key, without HTTP | [`Idempotency::run`]; [`Idempotency::begin`] returns the decision as a value |
//! | know the effect of each operation in each state | [`Record`]: the protocol's table as pure functions |
//! | choose durations, answers, and the behaviour in an outage | [`Policy`]: every knob, its default and the reason |
//! | receive a sender's webhooks, or write a provider | [`provider`] |
//! | keep records in memory or in Redis, or write a store | [`store`], and its contract, [`Store`] |
//! | make another web framework idempotent | [`endpoint`] |
//! | see every decision | [`engine::Observer`] |
//! | find and settle a record by hand | [`Store::list`], [`Store::load`], [`Store::resolve`], [`Store::forget`] |
#![cfg_attr(docsrs, feature(doc_cfg))]

mod claim;
pub mod clock;
mod delivery;
mod digest;
mod error;
mod fingerprint;
mod key;
mod lease;
mod namespace;
mod order;
mod outcome;
mod path;
mod policy;
mod record;
mod rejection;
mod response;
mod scope;
mod scoped_key;

pub mod endpoint;
pub mod engine;
#[cfg(any(test, fuzzing))]
pub mod fuzz;
pub mod protocol;
pub mod provider;
pub mod store;
#[cfg(feature = "testing")]
pub mod testing;

pub use claim::{
    Adopted, Claim, Claimed, Completed, Completion, Grant, Hold, OnExpired, Release, Resolution,
};
pub use delivery::{Attributes, Delivery, Verified};
pub use endpoint::Endpoint;
pub use engine::{Idempotency, IdempotencyContext, Ran, RunError};
pub use error::{StoreError, StoreErrorKind};
pub use fingerprint::Fingerprint;
pub use key::{Key, KeyError};
pub use lease::{Fence, Lease, Owner};
pub use namespace::{Namespace, NamespaceError};
pub use order::{Order, Resource, ResourceDigest, ScopedOrder, Version};
pub use outcome::Outcome;
pub use policy::{Attachment, Completing, OnOutage, Policy};
pub use provider::Provider;
pub use record::{Label, Part, Parts, Record, RecordView, State, StateView, Transition, UnknownBindingPart};
pub use response::{DoNotRecord, LeftOut, RecordedResponse};
pub use scope::{Scope, ScopeError};
pub use scoped_key::{KeyDigest, KeyDigestError, ScopedKey};
pub use store::Store;
#[cfg(feature = "memory")]
pub use store::memory::MemoryStore;
#[cfg(feature = "redis")]
pub use store::redis::RedisStore;

use digest::short_digest;
