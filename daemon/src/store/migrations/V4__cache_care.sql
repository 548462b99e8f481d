-- What the care of the cache knows: who used a result, what is kept on purpose, what is about to go, and what went.

-- Which node of which job used a result, made or found.
CREATE TABLE cache_uses (
    digest TEXT NOT NULL,
    job    TEXT NOT NULL REFERENCES jobs (id),
    node   TEXT NOT NULL,
    at     TEXT NOT NULL,
    PRIMARY KEY (digest, job, node)
) STRICT, WITHOUT ROWID;
CREATE INDEX cache_uses_by_job ON cache_uses (job);

-- What stays whatever the cache may hold: one result, or everything a job used.
CREATE TABLE cache_pins (
    target TEXT PRIMARY KEY,
    kind   TEXT NOT NULL CHECK (kind IN ('action', 'job')),
    at     TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- The first phase of a collection: blobs that go unless somebody uses them meanwhile.
CREATE TABLE cache_marks (
    blob      TEXT PRIMARY KEY,
    marked_at TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- Results that a collection took away, for telling why something runs again.
CREATE TABLE cache_evicted (
    digest TEXT PRIMARY KEY,
    at     TEXT NOT NULL
) STRICT, WITHOUT ROWID;
