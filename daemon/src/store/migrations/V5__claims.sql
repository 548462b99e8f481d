-- Tables whose rules change are made anew: SQLite cannot change a CHECK. Foreign keys are off while this runs.

-- A job in work is claimed: `owner` is the run of the daemon that works on it, `epoch` counts the claims, and only who
-- holds the newest one may write. `lease_until` is when a claim that nobody renews ends; it is never null, so that no
-- job is in work without one. `wake_at` is when a waiting job looks again, `waits` how often it did since it got on.
-- `retries` counts what was tried again for it. What was added to its budget is in the budget's own units.
CREATE TABLE jobs_new (
    ordinal            INTEGER PRIMARY KEY AUTOINCREMENT,
    id                 TEXT NOT NULL UNIQUE,
    workflow           TEXT NOT NULL,
    identity           TEXT NOT NULL,
    request            TEXT NOT NULL,
    state              TEXT NOT NULL
                       CHECK (state IN ('queued', 'processing', 'waiting', 'paused', 'needs_attention', 'completed',
                                        'failed', 'cancelled')),
    priority           INTEGER NOT NULL DEFAULT 1 CHECK (priority BETWEEN 0 AND 2),
    cancel_requested   INTEGER NOT NULL DEFAULT 0,
    owner              TEXT NOT NULL DEFAULT '',
    epoch              INTEGER NOT NULL DEFAULT 0,
    lease_until        TEXT NOT NULL DEFAULT '',
    wake_at            TEXT NOT NULL DEFAULT '',
    waits              INTEGER NOT NULL DEFAULT 0,
    retries            INTEGER NOT NULL DEFAULT 0,
    added_render_ms    INTEGER NOT NULL DEFAULT 0,
    added_usd_micros   INTEGER NOT NULL DEFAULT 0,
    added_millicredits INTEGER NOT NULL DEFAULT 0,
    local_date         TEXT NOT NULL,
    tool               TEXT NOT NULL,
    created_at         TEXT NOT NULL,
    started_at         TEXT,
    finished_at        TEXT,
    error              TEXT,
    outputs            TEXT NOT NULL DEFAULT '{}',
    last_seq           INTEGER NOT NULL DEFAULT 0
) STRICT;
INSERT INTO jobs_new (ordinal, id, workflow, identity, request, state, cancel_requested, local_date, tool, created_at,
                      started_at, finished_at, error, outputs, last_seq)
    SELECT ordinal, id, workflow, identity, request, state, cancel_requested, local_date, tool, created_at,
           started_at, finished_at, error, outputs, last_seq FROM jobs;
DROP TABLE jobs;
ALTER TABLE jobs_new RENAME TO jobs;
CREATE INDEX jobs_by_identity ON jobs (identity, ordinal);
CREATE INDEX jobs_by_state ON jobs (state, ordinal);
CREATE INDEX jobs_to_claim ON jobs (priority DESC, ordinal) WHERE state = 'queued';

-- Every call that costs money, from before it is made: `reference` is our name for it at the provider, so that what
-- became of it can be asked for. A row is never deleted while its outcome is open.
CREATE TABLE paid_calls (
    reference    TEXT PRIMARY KEY,
    job          TEXT NOT NULL REFERENCES jobs (id),
    turn         TEXT NOT NULL,
    digest       TEXT NOT NULL,
    provider     TEXT NOT NULL,
    state        TEXT NOT NULL
                 CHECK (state IN ('intended', 'submitted', 'made', 'settled', 'refused', 'unknown', 'unpaid', 'lost')),
    remote       TEXT NOT NULL DEFAULT '',
    location     TEXT NOT NULL DEFAULT '',
    high_micros  INTEGER NOT NULL,
    cost_micros  INTEGER,
    detail       TEXT NOT NULL DEFAULT '',
    created_at   TEXT NOT NULL,
    changed_at   TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX paid_calls_by_job ON paid_calls (job, created_at);
CREATE INDEX paid_calls_by_digest ON paid_calls (digest, created_at);
