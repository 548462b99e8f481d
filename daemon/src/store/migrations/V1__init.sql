-- Jobs in the order they were accepted. `identity` is what makes two jobs "the same workflow": the document's
-- absolute path, or its name where it came from standard input.
CREATE TABLE jobs (
    ordinal          INTEGER PRIMARY KEY AUTOINCREMENT,
    id               TEXT NOT NULL UNIQUE,
    workflow         TEXT NOT NULL,
    identity         TEXT NOT NULL,
    request          TEXT NOT NULL,
    state            TEXT NOT NULL
                     CHECK (state IN ('queued', 'processing', 'completed', 'failed', 'cancelled')),
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
CREATE INDEX jobs_by_identity ON jobs (identity, ordinal);
CREATE INDEX jobs_by_state ON jobs (state, ordinal);

-- Append-only. `seq` starts at 1 and has no holes within a job.
CREATE TABLE job_events (
    job  TEXT NOT NULL REFERENCES jobs (id),
    seq  INTEGER NOT NULL,
    at   TEXT NOT NULL,
    kind TEXT NOT NULL,
    PRIMARY KEY (job, seq)
) STRICT, WITHOUT ROWID;

-- What each node did, and the key it did it under: the evidence `fenta explain` reads.
CREATE TABLE node_runs (
    job      TEXT NOT NULL REFERENCES jobs (id),
    position INTEGER NOT NULL,
    node     TEXT NOT NULL,
    kind     TEXT NOT NULL,
    state    TEXT NOT NULL
             CHECK (state IN ('waiting', 'running', 'finished', 'failed', 'cancelled')),
    ran      INTEGER NOT NULL DEFAULT 0,
    cached   INTEGER NOT NULL DEFAULT 0,
    wall_ms  INTEGER NOT NULL DEFAULT 0,
    saved_ms INTEGER NOT NULL DEFAULT 0,
    reasons  TEXT NOT NULL DEFAULT '[]',
    key      TEXT,
    files    TEXT NOT NULL DEFAULT '{}',
    error    TEXT,
    PRIMARY KEY (job, node)
) STRICT, WITHOUT ROWID;

-- A row exists only if every blob of its result was durable in the CAS when it was written.
CREATE TABLE action_cache (
    digest     TEXT PRIMARY KEY,
    kind       TEXT NOT NULL,
    result     TEXT NOT NULL,
    wall_ms    INTEGER NOT NULL,
    created_at TEXT NOT NULL,
    last_used  TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- The user's files that need not be hashed again while their stat is unchanged.
CREATE TABLE file_index (
    path   TEXT PRIMARY KEY,
    stamp  TEXT NOT NULL,
    digest TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- Answers already given, by Idempotency-Key.
CREATE TABLE idempotency (
    key         TEXT PRIMARY KEY,
    fingerprint TEXT NOT NULL,
    job         TEXT NOT NULL REFERENCES jobs (id),
    created_at  TEXT NOT NULL
) STRICT, WITHOUT ROWID;
