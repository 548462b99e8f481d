-- What is to be told of the runs of schedules and watches, and what came of it. `subject` is what it is about: the same is
-- told once to each channel, however often the daemon dies between the run and the row that says that it was told.
CREATE TABLE notices (
    id         TEXT PRIMARY KEY,
    owner      TEXT NOT NULL,
    subject    TEXT NOT NULL,
    event      TEXT NOT NULL,
    channel    TEXT NOT NULL CHECK (channel IN ('webhook', 'desktop')),
    address    TEXT NOT NULL DEFAULT '',
    secret_ref TEXT,
    title      TEXT NOT NULL,
    data       TEXT NOT NULL,
    state      TEXT NOT NULL CHECK (state IN ('waiting', 'told', 'given_up')),
    tries      INTEGER NOT NULL DEFAULT 0,
    detail     TEXT NOT NULL DEFAULT '',
    created_at TEXT NOT NULL,
    next_at    TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX notices_by_subject ON notices (subject, channel);
CREATE INDEX notices_waiting ON notices (next_at) WHERE state = 'waiting';
CREATE INDEX notices_by_owner ON notices (owner, id);

-- The newest runs of a watch of thousands: keys are in the order they were made.
CREATE INDEX watch_runs_newest ON watch_runs (watch, key);
