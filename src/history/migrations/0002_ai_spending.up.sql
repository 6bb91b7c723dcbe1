-- What the AI reviewer spends. A call counts at its worst from before it is made until it is settled; one that never is stays so.

CREATE TABLE ai_calls (
    id         BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    at         INTEGER NOT NULL,
    month      TEXT NOT NULL,           -- of UTC, as in 2026-11
    runbook    TEXT NOT NULL,           -- empty where it was about none
    provider   TEXT NOT NULL,
    model      TEXT NOT NULL,
    tokens     INTEGER NOT NULL,
    cost       INTEGER NOT NULL,        -- billionths of a US dollar
    settled_at INTEGER
) STRICT;
CREATE INDEX ai_calls_at ON ai_calls (at);

-- The sums of each month, kept in the transaction of the call that changes them.
CREATE TABLE ai_months (
    month   TEXT NOT NULL,
    runbook TEXT NOT NULL,
    calls   INTEGER NOT NULL,
    tokens  INTEGER NOT NULL,
    cost    INTEGER NOT NULL,
    millis  INTEGER NOT NULL,           -- spent waiting for answers
    PRIMARY KEY (month, runbook)
) STRICT, WITHOUT ROWID;
