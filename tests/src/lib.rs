//! What the tests share: servers, proxies, clients, recorded deliveries.
#![expect(
    clippy::exhaustive_enums,
    clippy::exhaustive_structs,
    clippy::missing_panics_doc,
    clippy::must_use_candidate,
    clippy::return_self_not_must_use,
    reason = "a part of tests, which panic where something is wrong"
)]

pub mod demo;
pub mod http;
pub mod proxy;
pub mod redis_case;
pub mod redis_server;
pub mod scenarios;
pub mod vectors;
