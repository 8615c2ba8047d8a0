//! [idempotency-tower]: https://docs.rs/idempotency-tower
//! [idempotency-actix]: https://docs.rs/idempotency-actix
//! [PostgreSQL]: crate::docs::postgres
//! [PostgreSQL-tables]: crate::docs::postgres#tables
//! [SQLite]: crate::docs::sqlite
//! [the manual]: idempotency_core::docs
//! [Transactions]: crate::docs::transactions
//! [The outbox]: crate::docs::outbox
//!
// rustdoc uses the first definition of a link. So the README's links lead to modules here, and to files in
// the repository.
#![cfg_attr(any(not(doctest), all(feature = "axum", feature = "postgres")), doc = include_str!("../README.md"))]
#![cfg_attr(docsrs, feature(doc_cfg))]
#![cfg_attr(
    not(any(feature = "postgres", feature = "sqlite")),
    expect(dead_code, reason = "there is no store")
)]

pub mod docs;
#[cfg(any(feature = "axum", feature = "actix"))]
mod extract;
pub mod outbox;
#[cfg(feature = "postgres")]
pub mod postgres;
#[cfg(any(feature = "postgres", feature = "sqlite"))]
mod purge;
mod row;
#[cfg(feature = "sqlite")]
pub mod sqlite;
mod tables;
mod transaction;

#[cfg(any(feature = "axum", feature = "actix"))]
pub use extract::NoTransaction;
pub use idempotency_core as core;
#[cfg(feature = "postgres")]
pub use postgres::PostgresStore;
#[cfg(any(feature = "postgres", feature = "sqlite"))]
pub use purge::PurgeTask;
#[cfg(feature = "sqlite")]
pub use sqlite::SqliteStore;
pub use tables::{Tables, TablesError};
pub use transaction::{BeginError, IdempotentTransaction, Transactional};
