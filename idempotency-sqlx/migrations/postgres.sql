-- The tables of PostgresStore, for PostgreSQL 13 and later. Running this again changes nothing.
-- Times are microseconds since 1970: to_timestamp(expires_at / 1000000.0). Durations are microseconds.

CREATE TABLE IF NOT EXISTS idempotency_records (
    fence        bigint   NOT NULL, -- grows with every grant
    deadline     bigint,            -- the end of the lease, in state 1
    retention    bigint   NOT NULL, -- how long the record is kept after its lease
    expires_at   bigint   NOT NULL, -- from then on the row counts as absent and may be deleted
    completed_at bigint,            -- in state 3
    revision     bigint   NOT NULL, -- grows with every change of the row
    attempts     integer  NOT NULL,
    state        smallint NOT NULL, -- 1 in flight, 2 released, 3 completed
    digest       bytea    PRIMARY KEY, -- SHA-256 of namespace, scope and key
    namespace    text     NOT NULL, -- one service in one environment; part of the digest
    owner        bytea    NOT NULL, -- 16 random bytes of the attempt
    fingerprint  bytea,             -- what must match on a retry
    resource     bytea,             -- SHA-256 of the ordered resource
    version      bytea,             -- its version: 8 bytes, big endian
    parts        bytea,             -- the endpoint and key, for operators
    outcome      bytea              -- the recorded answer, in state 3
);
CREATE INDEX IF NOT EXISTS idempotency_records_by_expiry ON idempotency_records (expires_at);

-- The newest completed version of each ordered resource.
CREATE TABLE IF NOT EXISTS idempotency_marks (
    expires_at bigint NOT NULL,
    resource   bytea  PRIMARY KEY,
    version    bytea  NOT NULL
);
CREATE INDEX IF NOT EXISTS idempotency_marks_by_expiry ON idempotency_marks (expires_at);

-- Messages that handlers have pushed. A relay deletes each one whose call has succeeded.
CREATE TABLE IF NOT EXISTS idempotency_outbox (
    id           bigint   GENERATED ALWAYS AS IDENTITY PRIMARY KEY, -- the order of insertion
    due_at       bigint   NOT NULL, -- in state 1: when a relay may take it; 2: the end of its lease; 3: when it became dead
    created_at   bigint   NOT NULL,
    fence        bigint   NOT NULL DEFAULT 0, -- grows with every lease
    attempts     integer  NOT NULL DEFAULT 0,
    state        smallint NOT NULL DEFAULT 1, -- 1 waiting, 2 in flight, 3 dead
    namespace    text     NOT NULL,
    topic        text     NOT NULL,
    ordering_key text,              -- messages that share it are handed over one after the other
    previous     bigint,            -- the id of the message before it with its ordering key: it waits while that row exists
    derived_key  text     NOT NULL, -- the idempotency key of its call, equal across attempts
    payload      bytea    NOT NULL,
    last_error   text               -- why the last attempt failed
);
CREATE INDEX IF NOT EXISTS idempotency_outbox_by_due ON idempotency_outbox (namespace, due_at, id) WHERE state < 3;
CREATE INDEX IF NOT EXISTS idempotency_outbox_by_order ON idempotency_outbox (namespace, ordering_key, id)
    WHERE ordering_key IS NOT NULL;
