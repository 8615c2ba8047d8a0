//! The statements, with the names of the tables filled in.

use std::sync::Arc;

use sqlx::AssertSqlSafe;

use crate::Tables;

/// A statement's text. It has no values, only the names of the tables, which were parsed.
pub(super) type Statement = AssertSqlSafe<Arc<str>>;

const COLUMNS: &str = "fence, deadline, retention, expires_at, completed_at, revision, attempts, state, digest, namespace, owner, \
    fingerprint, resource, version, parts, outcome";

pub(super) struct Statements {
    find: Arc<str>,
    write: Arc<str>,
    raise: Arc<str>,
    mark: Arc<str>,
    forget: Arc<str>,
    page: Arc<str>,
    purge_records: Arc<str>,
    purge_marks: Arc<str>,
    migration: Arc<str>,
}

impl Statements {
    pub(super) fn new(tables: &Tables) -> Self {
        let (records, marks) = (tables.records(), tables.marks());
        let selected = COLUMNS.replace(", ", ", r.");
        let set = COLUMNS.split(", ").filter(|column| !["digest", "namespace", "revision"].contains(column));
        let set: Vec<_> = set.map(|column| format!("{column} = excluded.{column}")).collect();
        let set = set.join(", ");
        let purge = |table: &str| {
            format!(
                "DELETE FROM {table} WHERE rowid IN \
                 (SELECT rowid FROM {table} WHERE expires_at <= ?1 ORDER BY expires_at LIMIT ?2)"
            )
        };
        Self {
            // One statement sees one state of the database: a record and its resource's mark.
            find: format!(
                "SELECT r.{selected}, m.version AS mark, m.expires_at AS mark_expires_at FROM (SELECT 1) \
                 LEFT JOIN {records} r ON r.digest = ?1 LEFT JOIN {marks} m ON m.resource = ?2"
            )
            .into(),
            // Within a transaction that has the write lock.
            write: format!(
                "INSERT INTO {records} ({COLUMNS}) \
                 VALUES (?1, ?2, ?3, ?4, ?5, 1, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15) \
                 ON CONFLICT (digest) DO UPDATE SET {set}, revision = revision + 1"
            )
            .into(),
            // Within a transaction that has the write lock. Versions sort as their bytes do.
            raise: format!(
                "INSERT INTO {marks} (expires_at, resource, version) VALUES (?1, ?2, ?3) \
                 ON CONFLICT (resource) DO UPDATE SET \
                 version = CASE WHEN expires_at <= ?4 THEN excluded.version ELSE max(version, excluded.version) END, \
                 expires_at = max(expires_at, excluded.expires_at)"
            )
            .into(),
            mark: format!("SELECT version AS mark, expires_at AS mark_expires_at FROM {marks} WHERE resource = ?1")
                .into(),
            forget: format!("DELETE FROM {records} WHERE digest = ?1").into(),
            // The limit counts the rows of all namespaces, so that it bounds what a page reads. An index over the
            // namespace would make each delivery pay for a rare operation.
            page: format!(
                "SELECT passed.digest AS passed, r.{selected} FROM \
                 (SELECT digest FROM {records} WHERE digest > ?1 AND expires_at > ?2 ORDER BY digest LIMIT ?3) passed \
                 LEFT JOIN {records} r ON r.digest = passed.digest AND r.namespace = ?4 ORDER BY passed.digest"
            )
            .into(),
            purge_records: purge(&records).into(),
            purge_marks: purge(&marks).into(),
            migration: tables.fill_in(super::MIGRATION).into(),
        }
    }

    pub(super) fn find(&self) -> Statement {
        AssertSqlSafe(Arc::clone(&self.find))
    }

    pub(super) fn write(&self) -> Statement {
        AssertSqlSafe(Arc::clone(&self.write))
    }

    pub(super) fn raise(&self) -> Statement {
        AssertSqlSafe(Arc::clone(&self.raise))
    }

    pub(super) fn mark(&self) -> Statement {
        AssertSqlSafe(Arc::clone(&self.mark))
    }

    pub(super) fn forget(&self) -> Statement {
        AssertSqlSafe(Arc::clone(&self.forget))
    }

    pub(super) fn page(&self) -> Statement {
        AssertSqlSafe(Arc::clone(&self.page))
    }

    /// The deletion of expired records, and of expired marks.
    pub(super) fn purges(&self) -> [Statement; 2] {
        [AssertSqlSafe(Arc::clone(&self.purge_records)), AssertSqlSafe(Arc::clone(&self.purge_marks))]
    }

    /// Creates the tables that do not exist.
    pub(super) fn migration(&self) -> Statement {
        AssertSqlSafe(Arc::clone(&self.migration))
    }
}
