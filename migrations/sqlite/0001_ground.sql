-- What every installation has beside the tables of its kinds and logs.

CREATE TABLE migrations (
    number     INTEGER PRIMARY KEY,
    name       TEXT NOT NULL,
    applied_at INTEGER NOT NULL
) STRICT;

-- The declarations from which the tables of kinds and logs were made.
CREATE TABLE declared (
    name        TEXT PRIMARY KEY,
    version     INTEGER NOT NULL,
    declaration TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE versions (
    kind       TEXT NOT NULL,
    tenant     BLOB NOT NULL,
    id         BLOB NOT NULL,
    revision   INTEGER NOT NULL,
    owner      BLOB,
    workspace  BLOB,
    visibility TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    version    INTEGER NOT NULL,
    document   TEXT NOT NULL,
    PRIMARY KEY (kind, tenant, id, revision)
) STRICT;

CREATE TABLE counters (
    tenant BLOB NOT NULL,
    name   TEXT NOT NULL,
    key    TEXT NOT NULL,
    value  INTEGER NOT NULL,
    PRIMARY KEY (tenant, name, key)
) STRICT, WITHOUT ROWID;

-- held_until is null while nobody holds the job; token grows with every lease.
CREATE TABLE jobs (
    tenant     BLOB NOT NULL,
    id         BLOB NOT NULL,
    queue      TEXT NOT NULL,
    priority   INTEGER NOT NULL,
    due        INTEGER NOT NULL,
    token      INTEGER NOT NULL DEFAULT 0,
    held_until INTEGER,
    body       TEXT NOT NULL,
    PRIMARY KEY (tenant, id)
) STRICT;

CREATE INDEX jobs_by_order ON jobs (queue, priority, due, id);
