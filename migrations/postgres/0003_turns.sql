-- Tenants take turns: what is due lies apart from what waits, so that the next tenant with something due is one step in an index,
-- however much waits and whoever has nothing due. A job becomes ready when it is put in due, or when a worker finds it due.
ALTER TABLE jobs ADD COLUMN ready boolean NOT NULL DEFAULT false;
DROP INDEX jobs_by_order;
CREATE INDEX jobs_ready ON jobs (queue, tenant, priority, due, id) WHERE ready;
CREATE INDEX jobs_waiting ON jobs (queue, coalesce(held_until, due)) WHERE NOT ready;
