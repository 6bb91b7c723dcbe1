-- Runbooks that failed lately, or whose circuit is open; one that does well has no row.
CREATE TABLE circuits (
    runbook   TEXT NOT NULL PRIMARY KEY,
    failures  INTEGER NOT NULL,         -- in a row
    opened_at INTEGER,
    reason    TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- Definitions of runbooks that are trusted from the start, or have had runs with an effect that ended well.
CREATE TABLE proven (
    definition BLOB NOT NULL PRIMARY KEY CHECK (length(definition) = 32),
    runbook    TEXT NOT NULL,
    runs       INTEGER NOT NULL,
    trusted    INTEGER NOT NULL CHECK (trusted IN (0, 1)),
    at         INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX proven_runbook ON proven (runbook);
