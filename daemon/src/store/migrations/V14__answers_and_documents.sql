-- What was answered to requests under an Idempotency-Key, other than jobs, whose key is written with the job itself. `status`
-- is empty while the request is in progress. `run` names the daemon that began it: a request that another daemon left in
-- progress ended nobody knows how. Headers that belong to the answer are kept with it.
CREATE TABLE answers (
    account     TEXT NOT NULL,
    key         TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    run         TEXT NOT NULL,
    status      INTEGER,
    headers     TEXT NOT NULL DEFAULT '[]',
    body        BLOB NOT NULL DEFAULT x'',
    created_at  TEXT NOT NULL,
    PRIMARY KEY (account, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX answers_by_time ON answers (created_at);

-- Documents that live in the daemon: workflows, and templates under a name of their own. `version` counts the changes.
-- What is removed leaves its row, because jobs name it.
CREATE TABLE documents (
    ordinal    INTEGER PRIMARY KEY,
    id         TEXT NOT NULL UNIQUE,
    kind       TEXT NOT NULL CHECK (kind IN ('workflow', 'template')),
    name       TEXT NOT NULL,
    text       TEXT NOT NULL,
    version    INTEGER NOT NULL,
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL,
    removed_at TEXT
) STRICT;
CREATE INDEX documents_by_kind ON documents (kind, ordinal) WHERE removed_at IS NULL;
CREATE UNIQUE INDEX templates_by_name ON documents (name) WHERE kind = 'template' AND removed_at IS NULL;

-- Files somebody gave to the daemon. `digest` is that of the whole content, claimed while the file is on its way and true
-- when it is here.
CREATE TABLE assets (
    ordinal    INTEGER PRIMARY KEY,
    id         TEXT NOT NULL UNIQUE,
    name       TEXT NOT NULL,
    media_type TEXT NOT NULL,
    bytes      INTEGER NOT NULL,
    digest     TEXT,
    state      TEXT NOT NULL CHECK (state IN ('uploading', 'ready', 'removed')),
    created_at TEXT NOT NULL
) STRICT;
CREATE INDEX assets_by_digest ON assets (digest) WHERE state = 'ready';
