-- The last transaction that each connection committed, by a mark of its own: who lost the connection while the server committed
-- learns from it what became of it. The server's own numbers of transactions do not tell: after a crash those are given again
-- that were not on disk yet, and another transaction's end is told.
CREATE TABLE marks (
    connection uuid PRIMARY KEY,
    mark       bigint NOT NULL,
    at         timestamptz NOT NULL DEFAULT now()
) WITH (fillfactor = 50);
