//! What the tests share: servers, proxies, clients, recorded deliveries.

pub mod demo;
pub mod http;
pub mod proxy;
pub mod redis_case;
pub mod redis_cluster;
pub mod redis_limits;
pub mod redis_sentinel;
pub mod redis_server;
pub mod scenarios;
pub mod vectors;
