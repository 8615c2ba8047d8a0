//! The network: the server for each command, and the connections to servers.

#[cfg(feature = "redis-tls")]
pub(super) mod certificates;
#[cfg(feature = "redis-cluster")]
pub(super) mod cluster;
pub(super) mod commands;
pub(super) mod dial;
pub(super) mod fault;
pub(super) mod link;
mod redirect;
pub(super) mod route;
pub(super) mod runtimes;
#[cfg(feature = "redis-sentinel")]
pub(super) mod sentinel;
pub(super) mod server;
#[cfg(feature = "redis-cluster")]
mod slot;
pub(super) mod subscriptions;
