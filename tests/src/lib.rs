//! What the tests share: servers, proxies, clients, recorded deliveries.

pub mod redis_server;
pub mod vectors;
