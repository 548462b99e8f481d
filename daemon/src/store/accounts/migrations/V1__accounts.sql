-- Who there is on a team server. Nothing here is a secret that could be used: passwords are argon2 texts, tokens are
-- SHA-256 of 178 random bits. What organisations do lies in databases of their own.

CREATE TABLE users (
    id         TEXT PRIMARY KEY,
    email      TEXT NOT NULL UNIQUE,
    password   TEXT NOT NULL,
    created_at TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- `deleted_at`: gone for everybody at once; the bytes go later, with a command.
CREATE TABLE orgs (
    id         TEXT PRIMARY KEY,
    name       TEXT NOT NULL UNIQUE,
    tier       TEXT NOT NULL,
    created_at TEXT NOT NULL,
    deleted_at TEXT
) STRICT, WITHOUT ROWID;

CREATE TABLE members (
    org      TEXT NOT NULL REFERENCES orgs (id),
    user     TEXT NOT NULL REFERENCES users (id),
    role     TEXT NOT NULL CHECK (role IN ('viewer', 'editor', 'admin', 'owner')),
    added_at TEXT NOT NULL,
    PRIMARY KEY (org, user)
) STRICT, WITHOUT ROWID;
CREATE INDEX members_by_user ON members (user);

CREATE TABLE projects (
    id         TEXT PRIMARY KEY,
    org        TEXT NOT NULL REFERENCES orgs (id),
    name       TEXT NOT NULL,
    created_at TEXT NOT NULL,
    deleted_at TEXT
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX projects_by_name ON projects (org, name) WHERE deleted_at IS NULL;

-- Personal tokens and credentials of devices. `last_used` is to the minute: a row is not written for every request.
CREATE TABLE tokens (
    id          TEXT PRIMARY KEY,
    fingerprint TEXT NOT NULL UNIQUE,
    org         TEXT NOT NULL REFERENCES orgs (id),
    user        TEXT NOT NULL REFERENCES users (id),
    name        TEXT NOT NULL,
    scopes      TEXT NOT NULL,
    device      TEXT,
    created_at  TEXT NOT NULL,
    expires_at  TEXT,
    last_used   TEXT,
    revoked_at  TEXT
) STRICT, WITHOUT ROWID;
CREATE INDEX tokens_by_user ON tokens (user, org);
CREATE UNIQUE INDEX tokens_by_device ON tokens (device) WHERE device IS NOT NULL AND revoked_at IS NULL;

-- Who a device belongs to, for ever: its records are of this organisation and of no other.
CREATE TABLE devices (
    device     TEXT PRIMARY KEY,
    org        TEXT NOT NULL REFERENCES orgs (id),
    user       TEXT NOT NULL REFERENCES users (id),
    name       TEXT NOT NULL,
    created_at TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- Each is good once. All that came of one login are a family; a spent one that comes again ends the family.
CREATE TABLE refresh_tokens (
    fingerprint TEXT PRIMARY KEY,
    family      TEXT NOT NULL,
    org         TEXT NOT NULL REFERENCES orgs (id),
    user        TEXT NOT NULL REFERENCES users (id),
    expires_at  TEXT NOT NULL,
    spent_at    TEXT
) STRICT, WITHOUT ROWID;
CREATE INDEX refresh_tokens_by_family ON refresh_tokens (family);
CREATE TABLE ended_families (
    family   TEXT PRIMARY KEY,
    ended_at TEXT NOT NULL,
    why      TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- Logins that somebody approves on another machine.
CREATE TABLE pending_logins (
    fingerprint TEXT PRIMARY KEY,
    user_code   TEXT NOT NULL UNIQUE,
    client      TEXT NOT NULL,
    expires_at  TEXT NOT NULL,
    org         TEXT,
    user        TEXT
) STRICT, WITHOUT ROWID;

-- What was done, each entry bound to the one before by a hash over both.
CREATE TABLE audit_log (
    seq        INTEGER PRIMARY KEY AUTOINCREMENT,
    at         TEXT NOT NULL,
    org        TEXT NOT NULL,
    actor      TEXT NOT NULL,
    action     TEXT NOT NULL,
    target     TEXT NOT NULL,
    request_id TEXT NOT NULL,
    hash       TEXT NOT NULL
) STRICT;
CREATE INDEX audit_log_by_org ON audit_log (org, seq);
CREATE TRIGGER audit_log_is_not_changed BEFORE UPDATE ON audit_log
BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END;
CREATE TRIGGER audit_log_is_not_shortened BEFORE DELETE ON audit_log
BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END;

-- Alerts that were told, so that each is told once a month.
CREATE TABLE quota_alerts (
    org      TEXT NOT NULL REFERENCES orgs (id),
    month    TEXT NOT NULL,
    resource TEXT NOT NULL,
    percent  INTEGER NOT NULL,
    at       TEXT NOT NULL,
    PRIMARY KEY (org, month, resource, percent)
) STRICT, WITHOUT ROWID;

-- What the server signs with.
CREATE TABLE server_keys (
    name  TEXT PRIMARY KEY,
    value BLOB NOT NULL
) STRICT, WITHOUT ROWID;
