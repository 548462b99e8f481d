-- Workflows that begin by the clock. `source` says where it is from: the document's path and the place of the schedule
-- in it, so that adding a document again brings its schedules up to date; empty for those of a rule of their own.
-- `decided_until`: what became of all times up to then is settled, so no time is decided twice.
CREATE TABLE schedules (
    id            TEXT PRIMARY KEY,
    name          TEXT NOT NULL UNIQUE,
    workflow      TEXT NOT NULL,
    source        TEXT NOT NULL,
    request       TEXT NOT NULL,
    pinned        INTEGER NOT NULL,
    rule          TEXT NOT NULL,
    state         TEXT NOT NULL CHECK (state IN ('active', 'paused', 'ended')),
    reason        TEXT NOT NULL DEFAULT '',
    pause_after   INTEGER NOT NULL,
    failures      INTEGER NOT NULL DEFAULT 0,
    decided_until TEXT NOT NULL,
    created_at    TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX schedules_by_source ON schedules (source) WHERE source <> '';

-- Every time of a schedule that was decided, once: the key is what makes a time begin one run, ever. `counted` says
-- that the end of its job has been told to the schedule, `key` is what it is submitted under.
CREATE TABLE schedule_runs (
    schedule  TEXT NOT NULL REFERENCES schedules (id),
    due_at    TEXT NOT NULL,
    kind      TEXT NOT NULL CHECK (kind IN ('scheduled', 'catch_up', 'backfill', 'manual')),
    state     TEXT NOT NULL CHECK (state IN ('due', 'waiting', 'started', 'skipped', 'missed', 'failed')),
    starts_at TEXT NOT NULL,
    reason    TEXT NOT NULL DEFAULT '',
    job       TEXT,
    key       TEXT NOT NULL,
    counted   INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (schedule, due_at)
) STRICT, WITHOUT ROWID;
CREATE INDEX schedule_runs_open ON schedule_runs (schedule, due_at) WHERE counted = 0;
CREATE INDEX schedule_runs_by_job ON schedule_runs (job) WHERE job IS NOT NULL;
