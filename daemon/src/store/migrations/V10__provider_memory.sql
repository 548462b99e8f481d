-- What is remembered of vendors that cost nothing, so that they are asked no more often than they allow.

-- Answers by what was asked; never by a key or an address of ours.
CREATE TABLE vendor_answers (
    question TEXT PRIMARY KEY,
    -- What the server calls this state of its answer, to ask whether it has changed.
    etag TEXT NOT NULL DEFAULT '',
    last_modified TEXT NOT NULL DEFAULT '',
    body BLOB NOT NULL,
    -- RFC 3339 UTC with milliseconds.
    fetched_at TEXT NOT NULL
) STRICT;

-- When vendors were asked, to keep to what they allow in an hour and in a month.
CREATE TABLE vendor_calls (
    vendor TEXT NOT NULL,
    at TEXT NOT NULL
) STRICT;
CREATE INDEX vendor_calls_by_time ON vendor_calls (vendor, at);

-- Which film took what: a clip of a library, an item of a feed.
CREATE TABLE taken (
    vendor TEXT NOT NULL,
    thing TEXT NOT NULL,
    film TEXT NOT NULL,
    -- The place in the film.
    place TEXT NOT NULL,
    at TEXT NOT NULL,
    PRIMARY KEY (vendor, thing, film, place)
) STRICT, WITHOUT ROWID;
CREATE INDEX taken_by_place ON taken (film, place);
