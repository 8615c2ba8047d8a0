//! Both adapters behind real sockets, one client, and what a scenario needs of them.
#![expect(
    clippy::exhaustive_enums,
    clippy::exhaustive_structs,
    clippy::missing_panics_doc,
    clippy::must_use_candidate,
    clippy::return_self_not_must_use,
    reason = "a part of tests, which panic where something is wrong"
)]

mod actix;
mod axum;
mod client;
mod departures;
mod handler;
mod provider;
mod site;
mod store;

pub use client::{Answer, Request, get, head, post, request};
pub use departures::{Departures, Ended};
pub use handler::{Call, Handler, Reply, handler};
pub use provider::TestSender;
pub use site::{Adapter, Served, Site, both_adapters};
pub use store::{Fault, Operation, Watched};
