//! The pages on the stores. Each is a module without items, and a file under `docs/` in the repository.

/// [stores/redis#one-namespace-per-service-and-environment]: idempotency_core::docs::stores::redis#one-namespace-per-service-and-environment
/// [migrations/postgres]: crate::postgres::MIGRATION
/// [performance]: idempotency_core::docs::performance
/// [providers/scheme]: idempotency_core::docs::providers::scheme
/// [transactions]: crate::docs::transactions
///
#[cfg_attr(any(not(doctest), feature = "postgres"), doc = include_str!("../docs/postgres.md"))]
pub mod postgres {}

/// [migrations/sqlite]: crate::sqlite::MIGRATION
/// [providers/scheme]: idempotency_core::docs::providers::scheme
/// [transactions#sqlite]: crate::docs::transactions#sqlite
///
#[cfg_attr(not(doctest), doc = include_str!("../docs/sqlite.md"))]
pub mod sqlite {}

/// [transactions]: crate::docs::transactions
/// [choosing#order]: idempotency_core::docs::choosing#order
///
#[cfg_attr(any(not(doctest), all(feature = "axum", feature = "postgres")), doc = include_str!("../docs/outbox.md"))]
pub mod outbox {}

/// [outbox]: crate::docs::outbox
/// [policy]: idempotency_core::docs::policy
/// [policy#handlers-that-hang-or-block]: idempotency_core::docs::policy#handlers-that-hang-or-block
///
#[cfg_attr(not(doctest), doc = include_str!("../docs/transactions.md"))]
pub mod transactions {}
