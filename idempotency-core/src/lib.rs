#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod claim;
pub mod clock;
mod delivery;
mod digest;
mod error;
mod fingerprint;
mod key;
mod lease;
mod order;
mod outcome;
mod path;
mod policy;
mod record;
mod response;
mod scope;

pub mod endpoint;
pub mod engine;
#[cfg(any(test, fuzzing))]
pub mod fuzz;
pub mod protocol;
pub mod provider;
pub mod store;
#[cfg(feature = "testing")]
pub mod testing;

pub use claim::{Claim, Claimed, Hold, OnExpired, Resolution};
pub use delivery::{Attributes, Delivery, Verified};
pub use endpoint::Endpoint;
pub use engine::{Idempotency, IdempotencyContext, Ran, RunError};
pub use error::{StoreError, StoreErrorKind};
pub use fingerprint::Fingerprint;
pub use key::{Key, KeyError};
pub use lease::{Fence, Lease, Owner};
pub use order::{Order, Resource, Version};
pub use outcome::Outcome;
pub use policy::{Attachment, Completing, OnOutage, Policy};
pub use provider::Provider;
pub use record::{Record, RecordView, State, StateView, Transition};
pub use response::RecordedResponse;
pub use scope::{KeyDigest, Scope, ScopedKey};
pub use store::Store;
#[cfg(feature = "memory")]
pub use store::memory::MemoryStore;

use digest::short_digest;
