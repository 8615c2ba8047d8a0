-- The tables of SqliteStore. Running this again changes nothing.
-- Times are microseconds since 1970: datetime(expires_at / 1000000, 'unixepoch'). Durations are microseconds.

CREATE TABLE IF NOT EXISTS idempotency_records (
    fence        INTEGER  NOT NULL, -- grows with every grant
    deadline     INTEGER,           -- the end of the lease, in state 1
    retention    INTEGER  NOT NULL, -- how long the record is kept after its lease
    expires_at   INTEGER  NOT NULL, -- from then on the row counts as absent and may be deleted
    completed_at INTEGER,           -- in state 3
    revision     INTEGER  NOT NULL, -- grows with every change of the row
    attempts     INTEGER  NOT NULL,
    state        INTEGER  NOT NULL, -- 1 in flight, 2 released, 3 completed
    digest       BLOB     PRIMARY KEY, -- SHA-256 of namespace, scope and key
    namespace    TEXT     NOT NULL, -- one service in one environment; part of the digest
    owner        BLOB     NOT NULL, -- 16 random bytes of the attempt
    fingerprint  BLOB,              -- what must match on a retry
    resource     BLOB,              -- SHA-256 of the ordered resource
    version      BLOB,              -- its version: 8 bytes, big endian
    parts        BLOB,              -- the endpoint and key, for operators
    outcome      BLOB               -- the recorded answer, in state 3
);
CREATE INDEX IF NOT EXISTS idempotency_records_by_expiry ON idempotency_records (expires_at);

-- The newest completed version of each ordered resource.
CREATE TABLE IF NOT EXISTS idempotency_marks (
    expires_at INTEGER NOT NULL,
    resource   BLOB   PRIMARY KEY,
    version    BLOB   NOT NULL
);
CREATE INDEX IF NOT EXISTS idempotency_marks_by_expiry ON idempotency_marks (expires_at);

-- Messages that handlers have pushed. A relay deletes each one whose call has succeeded.
CREATE TABLE IF NOT EXISTS idempotency_outbox (
    id           INTEGER PRIMARY KEY AUTOINCREMENT, -- the order of insertion
    due_at       INTEGER NOT NULL, -- in state 1: when a relay may take it; 2: the end of its lease; 3: when it became dead
    created_at   INTEGER NOT NULL,
    fence        INTEGER NOT NULL DEFAULT 0, -- grows with every lease
    attempts     INTEGER NOT NULL DEFAULT 0,
    state        INTEGER NOT NULL DEFAULT 1, -- 1 waiting, 2 in flight, 3 dead
    namespace    TEXT    NOT NULL,
    topic        TEXT    NOT NULL,
    ordering_key TEXT,             -- messages that share it are handed over one after the other
    derived_key  TEXT    NOT NULL, -- the idempotency key of its call, equal across attempts
    payload      BLOB    NOT NULL,
    last_error   TEXT              -- why the last attempt failed
);
CREATE INDEX IF NOT EXISTS idempotency_outbox_by_due ON idempotency_outbox (namespace, due_at, id) WHERE state < 3;
CREATE INDEX IF NOT EXISTS idempotency_outbox_by_order ON idempotency_outbox (namespace, ordering_key, id)
    WHERE ordering_key IS NOT NULL;
