-- A question may be asked before its run exists, and a person may take one back. SQLite changes neither a CHECK nor a NOT NULL in
-- place, so both tables are made anew.

CREATE TABLE approvals_new (
    id          BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    run         BLOB REFERENCES runs (id) ON DELETE CASCADE,   -- none until the run exists
    wanted_run  BLOB NOT NULL,          -- the id that the run has, or will have
    runbook     TEXT,                   -- these three: the due time that it was asked ahead of
    trigger_key TEXT,
    nominal     INTEGER,
    request     TEXT NOT NULL,          -- JSON
    asked_at    INTEGER NOT NULL,
    last_use    INTEGER NOT NULL,       -- nothing can come of it after this
    state       TEXT NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'denied', 'redeemed', 'withdrawn', 'cancelled')),
    settled_at  INTEGER,
    settled_by  TEXT NOT NULL DEFAULT '',
    reason      TEXT NOT NULL DEFAULT ''
) STRICT;
INSERT INTO approvals_new (id, run, wanted_run, request, asked_at, last_use, state, settled_at, reason)
SELECT id, run, run, request, asked_at, last_use, state, settled_at, reason FROM approvals;

CREATE TABLE votes_new (
    id       INTEGER PRIMARY KEY,
    approval BLOB NOT NULL REFERENCES approvals_new (id) ON DELETE CASCADE,
    subject  TEXT NOT NULL,
    body     TEXT NOT NULL,             -- JSON
    UNIQUE (approval, subject)
) STRICT;
INSERT INTO votes_new (id, approval, subject, body) SELECT id, approval, subject, body FROM votes;

DROP TABLE votes;
DROP TABLE approvals;
ALTER TABLE approvals_new RENAME TO approvals;
ALTER TABLE votes_new RENAME TO votes;
CREATE INDEX approvals_asked  ON approvals (asked_at, id);
CREATE INDEX approvals_open   ON approvals (asked_at, id) WHERE state = 'open';
CREATE INDEX approvals_run    ON approvals (run);
CREATE INDEX approvals_wanted ON approvals (wanted_run);
CREATE INDEX approvals_ahead  ON approvals (runbook, trigger_key, nominal) WHERE nominal IS NOT NULL;
