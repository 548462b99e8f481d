-- Tables whose rules change are made anew: SQLite cannot change a CHECK. Foreign keys are off while this runs.

-- A job may be paused: it waits for someone, keeps what it has done, and goes on when told to.
CREATE TABLE jobs_new (
    ordinal          INTEGER PRIMARY KEY AUTOINCREMENT,
    id               TEXT NOT NULL UNIQUE,
    workflow         TEXT NOT NULL,
    identity         TEXT NOT NULL,
    request          TEXT NOT NULL,
    state            TEXT NOT NULL
                     CHECK (state IN ('queued', 'processing', 'paused', 'completed', 'failed', 'cancelled')),
    cancel_requested INTEGER NOT NULL DEFAULT 0,
    local_date       TEXT NOT NULL,
    tool             TEXT NOT NULL,
    created_at       TEXT NOT NULL,
    started_at       TEXT,
    finished_at      TEXT,
    error            TEXT,
    outputs          TEXT NOT NULL DEFAULT '{}',
    last_seq         INTEGER NOT NULL DEFAULT 0
) STRICT;
INSERT INTO jobs_new SELECT * FROM jobs;
DROP TABLE jobs;
ALTER TABLE jobs_new RENAME TO jobs;
CREATE INDEX jobs_by_identity ON jobs (identity, ordinal);
CREATE INDEX jobs_by_state ON jobs (state, ordinal);

-- One turn of a for_each is a row of its own, `footage[3]`; `item` is its number, -1 for the node itself. `pins` is
-- what the node was made with, for the lock.
CREATE TABLE node_runs_new (
    job      TEXT NOT NULL REFERENCES jobs (id),
    position INTEGER NOT NULL,
    item     INTEGER NOT NULL DEFAULT -1,
    node     TEXT NOT NULL,
    kind     TEXT NOT NULL,
    state    TEXT NOT NULL
             CHECK (state IN ('waiting', 'running', 'finished', 'failed', 'cancelled', 'skipped', 'left_out')),
    ran      INTEGER NOT NULL DEFAULT 0,
    cached   INTEGER NOT NULL DEFAULT 0,
    wall_ms  INTEGER NOT NULL DEFAULT 0,
    saved_ms INTEGER NOT NULL DEFAULT 0,
    reasons  TEXT NOT NULL DEFAULT '[]',
    key      TEXT,
    files    TEXT NOT NULL DEFAULT '{}',
    pins     TEXT NOT NULL DEFAULT '{}',
    error    TEXT,
    note     TEXT NOT NULL DEFAULT '',
    PRIMARY KEY (job, node)
) STRICT, WITHOUT ROWID;
INSERT INTO node_runs_new (job, position, node, kind, state, ran, cached, wall_ms, saved_ms, reasons, key, files, error)
    SELECT job, position, node, kind, state, ran, cached, wall_ms, saved_ms, reasons, key, files, error FROM node_runs;
DROP TABLE node_runs;
ALTER TABLE node_runs_new RENAME TO node_runs;

-- How long actions took here, for plans: the newest of each kind, per unit of work (frames, characters, seconds).
CREATE TABLE action_times (
    ordinal INTEGER PRIMARY KEY AUTOINCREMENT,
    node    TEXT NOT NULL,
    action  TEXT NOT NULL,
    units   INTEGER NOT NULL CHECK (units > 0),
    wall_ms INTEGER NOT NULL
) STRICT;
CREATE INDEX action_times_by_kind ON action_times (node, action, ordinal);
