//! [the manual]: crate::docs
//!
// The first definition of a link wins: here the README's links lead to modules, in the repository to files.
#![cfg_attr(any(not(doctest), all(feature = "memory", feature = "redis")), doc = include_str!("../README.md"))]
//!
//! # Where to read on
//!
//! | You want to | Read |
//! |---|---|
//! | run work once per key, without HTTP | [`Idempotency::run`]; [`Idempotency::begin`] returns the decision as a value |
//! | know the effect of each operation in each state | [`store::Record`]: the protocol's table as pure functions |
//! | choose durations, answers, and the behaviour in an outage | [`Policy`]: every setting, its default and the reason |
//! | receive a sender's webhooks, or write a provider | [`provider`] |
//! | keep records in memory or in Redis, or write a store | [`store`], and its contract, [`Store`] |
//! | make another web framework idempotent | [`endpoint`] |
//! | see every decision | [`engine::Observer`] |
//! | read the manual, from choosing a store to shutting down | [`docs`] |
//! | find and resolve a record by hand | [`Store::list`], [`Store::load`], [`Store::resolve`], [`Store::forget`] |
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

pub mod docs;
pub mod endpoint;
pub mod engine;
#[cfg(any(test, fuzzing))]
pub mod fuzz;
pub mod protocol;
pub mod provider;
pub mod store;
#[cfg(feature = "testing")]
pub mod testing;

pub use claim::OnExpired;
pub use delivery::{Attributes, Delivery, Verified};
pub use engine::context::IdempotencyContext;
pub use engine::idempotency::Idempotency;
pub use engine::run::{Ran, RunError};
pub use error::{StoreError, StoreErrorKind};
pub use fingerprint::Fingerprint;
pub use key::{Key, KeyError};
pub use lease::Fence;
pub use namespace::{Namespace, NamespaceError};
pub use order::{Order, Resource, Version};
pub use outcome::Outcome;
pub use policy::{Attachment, Completing, OnOutage, Policy};
pub use response::{DoNotRecord, Omitted, RecordedResponse};
pub use scope::{Scope, ScopeError};
pub use scoped_key::{KeyDigest, KeyDigestError, ScopedKey};

// The words of stores and providers have their public paths in `store` and `provider`.
use claim::{Adopted, Claim, Claimed, Completed, Completion, Grant, Hold, Release, Resolution};
use lease::{Lease, Owner};
use order::ScopedOrder;
use provider::Provider;
use record::{Label, RecordView, StateView};
use store::Store;
