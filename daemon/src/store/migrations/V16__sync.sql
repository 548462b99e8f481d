-- Handing in to a team server what was done here. The ledger and the ends of jobs are the truth; the outbox gives each of
-- them a number that never changes, and holds no copy of what it points to.

-- Ends of jobs, in their order. Noted always: they are few, and whoever begins to hand in later may want them.
CREATE TABLE job_ends (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    job    TEXT NOT NULL,
    state  TEXT NOT NULL,
    at     TEXT NOT NULL
) STRICT;
-- Whoever makes the table of jobs anew has to make this trigger anew.
CREATE TRIGGER job_ends_are_noted AFTER UPDATE OF state ON jobs
WHEN NEW.state IN ('completed', 'failed', 'cancelled') AND OLD.state <> NEW.state AND NEW.imported = 0
BEGIN
    INSERT INTO job_ends (job, state, at) VALUES (NEW.id, NEW.state, coalesce(NEW.finished_at, ''));
END;

-- Where this machine hands in, and how far it is. `ledger_until`, `ends_until`: what has a number.
CREATE TABLE sync_target (
    one          INTEGER PRIMARY KEY CHECK (one = 1),
    device       TEXT NOT NULL,
    context      TEXT NOT NULL,
    url          TEXT NOT NULL,
    files        INTEGER NOT NULL,
    active       INTEGER NOT NULL,
    ledger_until INTEGER NOT NULL,
    ends_until   INTEGER NOT NULL,
    acknowledged INTEGER NOT NULL DEFAULT 0,
    quarantined  INTEGER NOT NULL DEFAULT 0,
    last_success TEXT,
    last_error   TEXT
) STRICT;

-- `body` only for what is nowhere else: an end with the files as they were then.
CREATE TABLE outbox (
    seq  INTEGER PRIMARY KEY,
    kind TEXT NOT NULL CHECK (kind IN ('usage', 'result')),
    row  INTEGER NOT NULL,
    body TEXT,
    UNIQUE (kind, row)
) STRICT;

CREATE TABLE outbox_files (
    digest TEXT PRIMARY KEY,
    path   TEXT NOT NULL,
    sent   INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;
CREATE INDEX outbox_files_waiting ON outbox_files (digest) WHERE sent = 0;

-- The other end: what devices handed in, each record once, to the byte. `problem`: why it was set aside.
CREATE TABLE received_devices (
    device       TEXT PRIMARY KEY,
    acknowledged INTEGER NOT NULL,
    seen_at      TEXT NOT NULL,
    skew_seconds INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE received (
    device  TEXT NOT NULL REFERENCES received_devices (device),
    seq     INTEGER NOT NULL,
    body    TEXT NOT NULL,
    problem TEXT,
    at      TEXT NOT NULL,
    PRIMARY KEY (device, seq)
) STRICT, WITHOUT ROWID;
CREATE INDEX received_aside ON received (device, seq) WHERE problem IS NOT NULL;

CREATE TABLE received_files (
    digest TEXT NOT NULL,
    device TEXT NOT NULL,
    name   TEXT NOT NULL,
    PRIMARY KEY (digest, device)
) STRICT, WITHOUT ROWID;

-- What a device handed in anew: the earlier records, for people.
CREATE TABLE superseded (
    device TEXT NOT NULL,
    seq    INTEGER NOT NULL,
    body   TEXT NOT NULL,
    at     TEXT NOT NULL
) STRICT;
