-- What every installation has beside the tables of its kinds and logs.

CREATE TABLE migrations (
    number     integer PRIMARY KEY,
    name       text NOT NULL,
    applied_at bigint NOT NULL
);

-- The declarations from which the tables of kinds and logs were made.
CREATE TABLE declared (
    name        text COLLATE "C" PRIMARY KEY,
    version     integer NOT NULL,
    declaration text NOT NULL
);

-- What all instances on the database share and no copy holds.
CREATE TABLE installation (
    name  text COLLATE "C" PRIMARY KEY,
    value bytea NOT NULL
);

-- Whose rows a statement may see: one tenant's, or with the greatest UUID those of all. Without a setting it sees none.
CREATE FUNCTION tenant_in_sight() RETURNS uuid LANGUAGE sql STABLE PARALLEL SAFE
    RETURN nullif(current_setting('convoke.tenant', true), '')::uuid;

CREATE FUNCTION all_in_sight() RETURNS boolean LANGUAGE sql STABLE PARALLEL SAFE
    RETURN coalesce(nullif(current_setting('convoke.tenant', true), '')::uuid
        = 'ffffffff-ffff-ffff-ffff-ffffffffffff'::uuid, false);

CREATE TABLE versions (
    kind       text COLLATE "C" NOT NULL,
    tenant     uuid NOT NULL,
    id         uuid NOT NULL,
    revision   bigint NOT NULL,
    owner      uuid,
    workspace  uuid,
    visibility text COLLATE "C" NOT NULL,
    created_at bigint NOT NULL,
    updated_at bigint NOT NULL,
    version    integer NOT NULL,
    document   text NOT NULL,
    PRIMARY KEY (kind, tenant, id, revision)
);

CREATE TABLE counters (
    tenant uuid NOT NULL,
    name   text COLLATE "C" NOT NULL,
    key    text COLLATE "C" NOT NULL,
    value  bigint NOT NULL,
    PRIMARY KEY (tenant, name, key)
) WITH (fillfactor = 70);

CREATE INDEX counters_by_name ON counters (name, key);

-- held_until is null while nobody holds the job; token grows with every lease.
CREATE TABLE jobs (
    tenant     uuid NOT NULL,
    id         uuid NOT NULL,
    queue      text COLLATE "C" NOT NULL,
    priority   integer NOT NULL,
    due        bigint NOT NULL,
    token      bigint NOT NULL DEFAULT 0,
    held_until bigint,
    body       text NOT NULL,
    PRIMARY KEY (tenant, id)
);

CREATE INDEX jobs_by_order ON jobs (queue, priority, due, id);

ALTER TABLE versions ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY tenants_apart ON versions
    USING ((SELECT all_in_sight()) OR tenant = (SELECT tenant_in_sight()));
ALTER TABLE counters ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY tenants_apart ON counters
    USING ((SELECT all_in_sight()) OR tenant = (SELECT tenant_in_sight()));
ALTER TABLE jobs ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY tenants_apart ON jobs
    USING ((SELECT all_in_sight()) OR tenant = (SELECT tenant_in_sight()));

-- Positions of all logs. A transaction that takes some holds, from before the first until its end, a shared advisory lock
-- whose key is the last position given before: the smallest key held is how far a reader may go.
CREATE SEQUENCE positions MINVALUE 0 START 0;
SELECT nextval('positions');

CREATE FUNCTION settled(OUT newest bigint, OUT settled bigint) LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    oldest bigint;
BEGIN
    -- In this order: a position given before the first line is either held in sight of the second, or its transaction is
    -- over, and what it wrote is in sight of whoever looks after this.
    SELECT last_value INTO newest FROM positions;
    SELECT min(((classid::bigint << 32) | objid::bigint) - (67::bigint << 56)) INTO oldest
        FROM pg_locks
        WHERE locktype = 'advisory' AND objsubid = 1 AND granted AND (classid::bigint >> 24) = 67
            AND database = (SELECT oid FROM pg_database WHERE datname = current_database());
    settled := least(newest, oldest);
END $$;

-- How much of each log each tenant has, up to a position: added up as the log grows.
CREATE TABLE tallied (
    log  text COLLATE "C" PRIMARY KEY,
    upto bigint NOT NULL
);

CREATE TABLE tallies (
    log    text COLLATE "C" NOT NULL,
    tenant uuid NOT NULL,
    weight bigint NOT NULL,
    PRIMARY KEY (log, tenant)
) WITH (fillfactor = 70);
