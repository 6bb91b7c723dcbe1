-- Credentials that runbooks keep fresh, and what happened when they were replaced. No value of any of them is here.
CREATE TABLE credentials (
    name       TEXT NOT NULL PRIMARY KEY,
    runbook    TEXT NOT NULL,
    kind       TEXT NOT NULL,
    place      TEXT NOT NULL,
    state      TEXT NOT NULL,
    rotation   BLOB,                    -- the one that goes on
    issued_at  INTEGER,
    proven_at  INTEGER,
    next_at    INTEGER,
    expires_at INTEGER,
    facts      TEXT NOT NULL,           -- JSON
    note       TEXT NOT NULL,
    updated_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE rotations (
    id         BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    credential TEXT NOT NULL REFERENCES credentials (name) ON DELETE CASCADE,
    began_at   INTEGER NOT NULL,
    ended_at   INTEGER
) STRICT, WITHOUT ROWID;
CREATE INDEX rotations_credential ON rotations (credential, began_at);
-- One at a time for each credential.
CREATE UNIQUE INDEX rotations_open ON rotations (credential) WHERE ended_at IS NULL;

CREATE TABLE rotation_events (
    rotation BLOB NOT NULL REFERENCES rotations (id) ON DELETE CASCADE,
    seq      INTEGER NOT NULL,
    at       INTEGER NOT NULL,
    body     TEXT NOT NULL,             -- JSON
    PRIMARY KEY (rotation, seq)
) STRICT, WITHOUT ROWID;
