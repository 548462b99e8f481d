-- Folders whose files begin workflows. `source` is the document and the folder, so that adding both again brings the
-- watch up to date; empty for those of a document without a path. `scanned`: its folder was looked at once.
CREATE TABLE watches (
    id         TEXT PRIMARY KEY,
    name       TEXT NOT NULL UNIQUE,
    workflow   TEXT NOT NULL,
    source     TEXT NOT NULL,
    request    TEXT NOT NULL,
    pinned     INTEGER NOT NULL,
    foreground INTEGER NOT NULL,
    rule       TEXT NOT NULL,
    state      TEXT NOT NULL CHECK (state IN ('active', 'paused')),
    reason     TEXT NOT NULL DEFAULT '',
    scanned    INTEGER NOT NULL DEFAULT 0,
    created_at TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX watches_by_source ON watches (source) WHERE source <> '';

-- Every file of a watched folder that a rule lets in. `stamp` is what the file system said when it was last looked at,
-- `since` when that was first so. `content` names its run; `initial` files were there before the watch.
CREATE TABLE watch_files (
    watch   TEXT NOT NULL REFERENCES watches (id),
    path    TEXT NOT NULL,
    state   TEXT NOT NULL,
    reason  TEXT NOT NULL DEFAULT '',
    stamp   TEXT NOT NULL,
    size    INTEGER NOT NULL,
    since   TEXT NOT NULL,
    content TEXT,
    initial INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (watch, path)
) STRICT, WITHOUT ROWID;

-- Every content that was found whole, once: the key is what makes a content begin one run, whatever its file is called.
-- `files` are the paths with the stamps they had, `key` what it is submitted under and where its stable copies lie.
CREATE TABLE watch_runs (
    watch     TEXT NOT NULL REFERENCES watches (id),
    content   TEXT NOT NULL,
    files     TEXT NOT NULL,
    key       TEXT NOT NULL,
    state     TEXT NOT NULL CHECK (state IN ('queued', 'started', 'done', 'failed', 'skipped')),
    reason    TEXT NOT NULL DEFAULT '',
    job       TEXT,
    queued_at TEXT NOT NULL,
    counted   INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (watch, content)
) STRICT, WITHOUT ROWID;
CREATE INDEX watch_runs_open ON watch_runs (watch, queued_at) WHERE counted = 0;
CREATE INDEX watch_runs_by_job ON watch_runs (job) WHERE job IS NOT NULL;

-- What was published: a watch that comes by it knows it for a result.
CREATE TABLE published_contents (
    content TEXT PRIMARY KEY,
    path    TEXT NOT NULL
) STRICT, WITHOUT ROWID;
