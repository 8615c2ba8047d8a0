//! Both adapters behind real sockets, a client, and the tools of the scenarios.

mod actix;
mod axum;
mod client;
mod departures;
mod handler;
mod observed;
mod provider;
mod site;
mod store;
mod time;

pub use client::{Answer, Request, get, head, post, request};
pub use departures::{Departures, Ended};
pub use handler::{Call, DELIBERATE, Handler, Reply, handler};
pub use observed::{Observed, Seen};
pub use provider::TestSender;
pub use site::{Adapter, Served, Site, both_adapters};
pub use store::{Fault, Operation, Watched};
pub use time::FlyingTime;
