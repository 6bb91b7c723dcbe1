-- Questions about runs that do not exist are lost; one that a person took back is withdrawn.

CREATE TABLE approvals_old (
    id         BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    run        BLOB NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    request    TEXT NOT NULL,
    asked_at   INTEGER NOT NULL,
    last_use   INTEGER NOT NULL,
    state      TEXT NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'denied', 'redeemed', 'withdrawn')),
    settled_at INTEGER,
    reason     TEXT NOT NULL DEFAULT ''
) STRICT;
INSERT INTO approvals_old (id, run, request, asked_at, last_use, state, settled_at, reason)
SELECT id, run, request, asked_at, last_use, iif(state = 'cancelled', 'withdrawn', state), settled_at, reason
FROM approvals WHERE run IS NOT NULL;

CREATE TABLE votes_old (
    id       INTEGER PRIMARY KEY,
    approval BLOB NOT NULL REFERENCES approvals_old (id) ON DELETE CASCADE,
    subject  TEXT NOT NULL,
    body     TEXT NOT NULL,
    UNIQUE (approval, subject)
) STRICT;
INSERT INTO votes_old (id, approval, subject, body)
SELECT id, approval, subject, body FROM votes WHERE approval IN (SELECT id FROM approvals_old);

DROP TABLE votes;
DROP TABLE approvals;
ALTER TABLE approvals_old RENAME TO approvals;
ALTER TABLE votes_old RENAME TO votes;
CREATE INDEX approvals_asked ON approvals (asked_at, id);
CREATE INDEX approvals_open  ON approvals (asked_at, id) WHERE state = 'open';
CREATE INDEX approvals_run   ON approvals (run);
