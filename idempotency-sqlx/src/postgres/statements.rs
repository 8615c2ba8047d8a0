//! The statements, with the tables' names filled in.

use std::sync::Arc;

use crate::Tables;

/// The time on the server's clock, in microseconds since 1970. It is read once for each statement, because
/// `clock_timestamp()` moves on within one.
pub(super) const CLOCK: &str =
    "clock AS MATERIALIZED (SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint AS now)";

/// The time at which the transaction of a single read began, which is never later than what the read sees. Otherwise a lease
/// that was renewed in between could look expired: a read sees the rows as of one message to the server, and is executed by
/// a later one.
const EARLY_CLOCK: &str =
    "early AS MATERIALIZED (SELECT (extract(epoch FROM transaction_timestamp()) * 1000000)::bigint AS now)";

/// The columns of a record by name, so that a later column does not change the result of a prepared statement.
const COLUMNS: &str =
    "record.state, record.owner, record.fence, record.attempts, record.deadline, record.retention,
     record.expires_at, record.fingerprint, record.resource, record.version, record.parts, record.outcome,
     record.completed_at, record.revision";

/// The text of a statement.
#[derive(Clone)]
pub(super) struct Statement {
    pub(super) sql: Arc<str>,
    /// Whether the server keeps it prepared under a name. Behind a pooler, another client may have taken the name.
    pub(super) is_named: bool,
}

/// The statements of a store.
pub(super) struct Statements {
    /// Returns a row if the tables exist.
    pub(super) exists: Statement,
    /// Inserts records in flight where there are none and no mark is newer, in the order of their keys. Waits for no row
    /// that it can see.
    pub(super) insert: Statement,
    /// Does the same for one key, and reads what was there before, as `read` does.
    pub(super) insert_or_read: Statement,
    /// Reads a record, a mark, and the time of the read or an earlier one. Always returns one row.
    pub(super) read: Statement,
    /// Replaces a row whose revision is known, unless it is locked.
    pub(super) replace: Statement,
    pub(super) renew: Statement,
    pub(super) complete: Statement,
    /// The same in the transaction of the handler, and only there.
    pub(super) complete_with_writes: Statement,
    /// Reads the state, owner and fence of a record, once no transaction is changing it.
    pub(super) lock: Statement,
    pub(super) release: Statement,
    pub(super) adopt: Statement,
    /// Reads what is left of a lease.
    pub(super) lease_left: Statement,
    pub(super) newest: Statement,
    pub(super) forget: Statement,
    pub(super) list: Statement,
    pub(super) purge_records: Statement,
    pub(super) purge_marks: Statement,
    pub(super) notify: Statement,
}

impl Statements {
    pub(super) fn new(tables: &Tables, are_named: bool) -> Self {
        let (records, marks, outbox) = (tables.records(), tables.marks(), tables.outbox());
        // Raises the marks of the rows in `completed`. A mark that has expired counts as none.
        let raise = format!(
            "raised AS (INSERT INTO {marks} AS mark (resource, version, expires_at)
                 SELECT resource, version, expires_at FROM completed WHERE state = 3 AND resource IS NOT NULL
                 ON CONFLICT (resource) DO UPDATE SET
                     version = CASE WHEN mark.expires_at <= (SELECT now FROM clock) THEN excluded.version
                                    ELSE greatest(mark.version, excluded.version) END,
                     expires_at = greatest(mark.expires_at, excluded.expires_at))"
        );
        // The row of a lease: its holder may be late, but no other has taken over, and the row has not expired.
        let held = "record.digest = $1 AND record.owner = $2 AND record.fence = $3 AND record.state = 1
             AND record.expires_at > clock.now";
        let complete = |condition: &str| {
            format!(
                "WITH {CLOCK}, completed AS (
                     UPDATE {records} AS record SET state = 3, deadline = NULL, outcome = $4,
                         completed_at = clock.now, retention = $5, expires_at = clock.now + $5,
                         revision = record.revision + 1
                     FROM clock WHERE {held} {condition}
                     RETURNING record.state, record.resource, record.version, record.expires_at), {raise}
                 SELECT 1 FROM completed"
            )
        };
        let purge = |table: &str, column: &str| {
            format!(
                "WITH {CLOCK}
                 DELETE FROM {table} WHERE {column} = ANY (ARRAY(
                     SELECT {column} FROM {table} WHERE expires_at <= (SELECT now FROM clock)
                     ORDER BY expires_at LIMIT $1 FOR UPDATE SKIP LOCKED))
                 RETURNING 1"
            )
        };
        let statement = |text: String| Statement { sql: text.into(), is_named: are_named };
        Self {
            exists: statement(format!(
                "SELECT 1 WHERE to_regclass('{records}') IS NOT NULL AND to_regclass('{marks}') IS NOT NULL
                     AND to_regclass('{outbox}') IS NOT NULL"
            )),
            // ON CONFLICT would wait for a transaction that changes the row. OFFSET keeps the planner from joining the tables,
            // so it looks each key up. A revision starts above those of a row that was deleted: a late statement that
            // replaces the old row must not find its revision again.
            insert: statement(format!(
                "WITH {CLOCK}
                 INSERT INTO {records} (digest, namespace, state, owner, fence, attempts, deadline, retention, expires_at,
                     fingerprint, resource, version, parts, revision)
                 SELECT claim.digest, $9, 1, claim.owner, clock.now, 1, clock.now + claim.lease, claim.retention,
                     clock.now + claim.lease + claim.retention, claim.fingerprint, claim.resource, claim.version,
                     claim.parts, clock.now
                 FROM clock, unnest($1::bytea[], $2::bytea[], $3::bigint[], $4::bigint[], $5::bytea[], $6::bytea[],
                     $7::bytea[], $8::bytea[])
                     AS claim (digest, owner, lease, retention, fingerprint, resource, version, parts)
                 WHERE NOT EXISTS (SELECT FROM {records} AS record WHERE record.digest = claim.digest OFFSET 0)
                   AND NOT EXISTS (SELECT FROM {marks} AS mark WHERE mark.resource = claim.resource
                                   AND mark.version > claim.version AND mark.expires_at > clock.now OFFSET 0)
                 ORDER BY claim.digest
                 ON CONFLICT (digest) DO NOTHING
                 RETURNING digest, owner, fence"
            )),
            insert_or_read: statement(format!(
                "WITH {CLOCK}, {EARLY_CLOCK},
                 found AS MATERIALIZED (SELECT {COLUMNS} FROM {records} AS record WHERE record.digest = $1),
                 mark AS MATERIALIZED (
                     SELECT mark.version FROM early, {marks} AS mark
                     WHERE mark.resource = $6 AND mark.expires_at > early.now),
                 new AS (
                     INSERT INTO {records} (digest, namespace, state, owner, fence, attempts, deadline, retention,
                         expires_at, fingerprint, resource, version, parts, revision)
                     SELECT $1, $9, 1, $2, clock.now, 1, clock.now + $3, $4, clock.now + $3 + $4, $5, $6, $7, $8, clock.now
                     FROM clock
                     WHERE NOT EXISTS (SELECT FROM found) AND NOT EXISTS (SELECT FROM mark WHERE mark.version > $7)
                     ON CONFLICT (digest) DO NOTHING
                     RETURNING fence)
                 SELECT early.now, new.fence AS inserted, mark.version AS newest, {COLUMNS}
                 FROM early LEFT JOIN new ON true LEFT JOIN mark ON true LEFT JOIN found AS record ON true"
            )),
            read: statement(format!(
                "WITH {EARLY_CLOCK}
                 SELECT early.now, mark.version AS newest, {COLUMNS}
                 FROM early
                 LEFT JOIN {records} AS record ON record.digest = $1
                 LEFT JOIN {marks} AS mark ON mark.resource = $2 AND mark.expires_at > early.now"
            )),
            replace: statement(format!(
                "WITH {CLOCK}, completed AS (
                     UPDATE {records} SET state = $3, owner = $4, fence = $5, attempts = $6, deadline = $7,
                         retention = $8, expires_at = $9, fingerprint = $10, resource = $11, version = $12,
                         parts = $13, outcome = $14, completed_at = $15, revision = revision + 1
                     WHERE digest = (SELECT digest FROM {records} WHERE digest = $1 AND revision = $2
                                     FOR UPDATE SKIP LOCKED)
                     RETURNING state, resource, version, expires_at), {raise}
                 SELECT 1 FROM completed"
            )),
            renew: statement(format!(
                "WITH {CLOCK}
                 UPDATE {records} AS record SET deadline = clock.now + $4, revision = record.revision + 1,
                     expires_at = clock.now + $4 + record.retention
                 FROM clock WHERE {held}
                 RETURNING 1"
            )),
            complete: statement(complete("")),
            complete_with_writes: statement(complete(
                "AND current_setting('idempotency.fence', true) = $3::bigint::text",
            )),
            lock: statement(format!(
                "SELECT state, owner, fence FROM {records} WHERE digest = $1 FOR UPDATE"
            )),
            // $4: the state afterwards, $5: the attempts that do not count, $6: the longest retention without attempt.
            // A repeat that leaves the record in flight finds its lease over, and counts no attempt off again.
            release: statement(format!(
                "WITH {CLOCK}
                 UPDATE {records} AS record SET state = $4::smallint,
                     attempts = record.attempts
                         - CASE WHEN $4 = 1 AND record.deadline <= clock.now THEN 0 ELSE $5::integer END,
                     deadline = CASE WHEN $4 = 1 THEN least(record.deadline, clock.now) END,
                     expires_at = CASE WHEN $4 = 1 THEN least(record.deadline, clock.now) + record.retention
                                       WHEN record.attempts = $5 THEN clock.now + least(record.retention, $6::bigint)
                                       ELSE clock.now + record.retention END,
                     revision = record.revision + 1
                 FROM clock WHERE {held}
                 RETURNING 1"
            )),
            adopt: statement(format!(
                "WITH {CLOCK}
                 UPDATE {records} AS record SET owner = $4, fence = greatest(record.fence + 1, clock.now),
                     deadline = clock.now + $5, expires_at = clock.now + $5 + record.retention,
                     revision = record.revision + 1
                 FROM clock WHERE {held}
                 RETURNING record.fence, record.attempts"
            )),
            lease_left: statement(format!(
                "WITH {CLOCK}
                 SELECT record.deadline - clock.now AS lease_left FROM clock, {records} AS record
                 WHERE record.digest = $1 AND record.state = 1 AND record.deadline > clock.now"
            )),
            newest: statement(format!(
                "WITH {CLOCK}
                 SELECT mark.version FROM clock, {marks} AS mark
                 WHERE mark.resource = $1 AND mark.expires_at > clock.now"
            )),
            forget: statement(format!(
                "WITH {CLOCK}
                 DELETE FROM {records} AS record USING clock WHERE record.digest = $1
                 RETURNING record.expires_at > clock.now AS was_live"
            )),
            // The limit counts the rows of all namespaces, so it bounds what a page reads. An index over the namespace would
            // make each delivery pay for a rare operation.
            list: statement(format!(
                "WITH {CLOCK}
                 SELECT clock.now, passed.digest, {COLUMNS}
                 FROM clock, (SELECT digest FROM {records} WHERE digest > $1 ORDER BY digest LIMIT $2) AS passed
                 LEFT JOIN {records} AS record ON record.digest = passed.digest AND record.namespace = $3
                 ORDER BY passed.digest"
            )),
            purge_records: statement(purge(&records, "digest")),
            purge_marks: statement(purge(&marks, "resource")),
            // A notification makes the commit a write. A crash may lose it, so the commit need not wait for the disk.
            notify: statement(
                "SELECT 1 FROM (SELECT set_config('synchronous_commit', 'off', true), pg_notify($1, $2)) AS sent".to_owned(),
            ),
        }
    }
}
