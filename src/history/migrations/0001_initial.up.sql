-- Times: whole milliseconds since 1970-01-01T00:00:00Z. Ids: the 16 bytes of a UUID version 7. Digests: the 32 bytes of a SHA-256.

CREATE TABLE definitions (
    id     INTEGER PRIMARY KEY,
    digest BLOB NOT NULL UNIQUE CHECK (length(digest) = 32),
    body   BLOB NOT NULL                -- JSON, compressed with zstd
) STRICT;

CREATE TABLE runs (
    id           BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    runbook      TEXT NOT NULL,
    revision     TEXT NOT NULL,
    author       TEXT NOT NULL,
    definition   INTEGER NOT NULL REFERENCES definitions (id),
    cause        TEXT NOT NULL,         -- JSON
    nominal      INTEGER,
    inputs       TEXT NOT NULL,         -- JSON
    created_at   INTEGER NOT NULL,
    dry_run      INTEGER NOT NULL CHECK (dry_run IN (0, 1)),
    window_override TEXT,               -- who started it although a window is closed
    status       TEXT NOT NULL DEFAULT 'queued' CHECK (status IN ('queued', 'running', 'waiting', 'ended')),
    outcome      TEXT,
    failed       INTEGER NOT NULL DEFAULT 0 CHECK (failed IN (0, 1)),
    reason       TEXT NOT NULL DEFAULT '',
    started_at   INTEGER,
    ended_at     INTEGER,
    waiting_for  BLOB,
    worst_check  TEXT,
    cancel_by    TEXT,
    events       INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX runs_created        ON runs (created_at, id);
CREATE INDEX runs_runbook        ON runs (runbook, created_at, id);
CREATE INDEX runs_outcome        ON runs (outcome, created_at, id);
CREATE INDEX runs_failed         ON runs (created_at, id) WHERE failed = 1;
CREATE INDEX runs_runbook_failed ON runs (runbook, created_at, id) WHERE failed = 1;
CREATE INDEX runs_unfinished     ON runs (created_at, id) WHERE status <> 'ended';
CREATE INDEX runs_definition     ON runs (definition);

CREATE TABLE events (
    run  BLOB NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    seq  INTEGER NOT NULL,
    at   INTEGER NOT NULL,
    body TEXT NOT NULL,                 -- JSON
    PRIMARY KEY (run, seq)
) STRICT, WITHOUT ROWID;

-- What the events of a run say about each of its steps.
CREATE TABLE steps (
    run        BLOB NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    phase      TEXT NOT NULL,
    step       TEXT NOT NULL,
    first_seq  INTEGER NOT NULL,
    status     TEXT NOT NULL DEFAULT 'gated',
    attempt    INTEGER NOT NULL DEFAULT 0,
    decision   TEXT,
    class      TEXT,
    digest     BLOB,
    approval   BLOB,
    started_at INTEGER,
    ended_at   INTEGER,
    checked    TEXT,
    summary    TEXT NOT NULL DEFAULT '',
    error      TEXT NOT NULL DEFAULT '',
    outputs    TEXT NOT NULL DEFAULT 'null',  -- JSON
    PRIMARY KEY (run, phase, step)
) STRICT, WITHOUT ROWID;

-- One row for each runbook that has ended a run; dry runs do not count.
CREATE TABLE runbook_facts (
    runbook      TEXT NOT NULL PRIMARY KEY,
    last_run     BLOB NOT NULL,
    last_outcome TEXT NOT NULL,
    last_ended   INTEGER NOT NULL,
    last_took    INTEGER,
    last_success INTEGER,
    succeeded    INTEGER NOT NULL DEFAULT 0,
    warning      INTEGER NOT NULL DEFAULT 0,
    failed       INTEGER NOT NULL DEFAULT 0,
    denied       INTEGER NOT NULL DEFAULT 0,
    canceled     INTEGER NOT NULL DEFAULT 0,
    timed_out    INTEGER NOT NULL DEFAULT 0,
    interrupted  INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;

CREATE TABLE occurrences (
    runbook     TEXT NOT NULL,
    trigger_key TEXT NOT NULL,
    nominal     INTEGER NOT NULL,
    run         BLOB NOT NULL,
    PRIMARY KEY (runbook, trigger_key, nominal)
) STRICT, WITHOUT ROWID;
CREATE INDEX occurrences_run ON occurrences (run);

CREATE TABLE skipped (
    id           INTEGER PRIMARY KEY,
    runbook      TEXT NOT NULL,
    trigger_key  TEXT NOT NULL,
    nominal      INTEGER NOT NULL,
    last_nominal INTEGER NOT NULL,
    reason       TEXT NOT NULL,
    detail       TEXT NOT NULL,
    at           INTEGER NOT NULL
) STRICT;
CREATE INDEX skipped_at      ON skipped (at, id);
CREATE INDEX skipped_runbook ON skipped (runbook, at, id);

CREATE TABLE triggers (
    runbook      TEXT NOT NULL,
    trigger_key  TEXT NOT NULL,
    active_since INTEGER NOT NULL,
    last_nominal INTEGER,
    PRIMARY KEY (runbook, trigger_key)
) STRICT, WITHOUT ROWID;

CREATE TABLE suspensions (
    runbook TEXT NOT NULL PRIMARY KEY,
    until   INTEGER,
    by      TEXT NOT NULL,
    reason  TEXT NOT NULL,
    at      INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE locks (
    name  TEXT NOT NULL PRIMARY KEY,
    owner BLOB NOT NULL,
    since INTEGER NOT NULL,
    until INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE effects (
    id        INTEGER PRIMARY KEY,
    at        INTEGER NOT NULL,
    class     TEXT NOT NULL,
    runbook   TEXT NOT NULL,
    namespace TEXT
) STRICT;
CREATE INDEX effects_at ON effects (at);

CREATE TABLE idempotency (
    key TEXT NOT NULL PRIMARY KEY,
    run BLOB NOT NULL,
    at  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE approvals (
    id         BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    run        BLOB NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    request    TEXT NOT NULL,           -- JSON
    asked_at   INTEGER NOT NULL,
    last_use   INTEGER NOT NULL,        -- nothing can come of it after this
    state      TEXT NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'denied', 'redeemed', 'withdrawn')),
    settled_at INTEGER,
    reason     TEXT NOT NULL DEFAULT ''
) STRICT;
CREATE INDEX approvals_asked ON approvals (asked_at, id);
CREATE INDEX approvals_open  ON approvals (asked_at, id) WHERE state = 'open';
CREATE INDEX approvals_run   ON approvals (run);

CREATE TABLE votes (
    id       INTEGER PRIMARY KEY,
    approval BLOB NOT NULL REFERENCES approvals (id) ON DELETE CASCADE,
    subject  TEXT NOT NULL,
    body     TEXT NOT NULL,             -- JSON
    UNIQUE (approval, subject)
) STRICT;

CREATE TABLE artifacts (
    id              BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    run             BLOB NOT NULL,
    runbook         TEXT NOT NULL,
    step            TEXT NOT NULL,
    kind            TEXT NOT NULL,
    name            TEXT NOT NULL,
    path            TEXT NOT NULL,
    size            INTEGER NOT NULL,
    raw_size        INTEGER NOT NULL,
    sha256          BLOB NOT NULL CHECK (length(sha256) = 32),
    entries         INTEGER NOT NULL,
    at              INTEGER NOT NULL,
    verified_at     INTEGER,
    verified_took   INTEGER,            -- milliseconds
    verified_detail TEXT,               -- JSON
    unsound_at      INTEGER,
    unsound_reason  TEXT,
    removed_at      INTEGER
) STRICT;
CREATE INDEX artifacts_at      ON artifacts (at, id);
CREATE INDEX artifacts_runbook ON artifacts (runbook, at, id);
CREATE INDEX artifacts_name    ON artifacts (name, at, id);
CREATE INDEX artifacts_run     ON artifacts (run);

CREATE TABLE active_files (
    path      TEXT NOT NULL PRIMARY KEY,
    blob      TEXT NOT NULL,
    revision  TEXT NOT NULL,
    author    TEXT NOT NULL,
    documents TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- Single values: `heartbeat` (milliseconds), `sync` (JSON).
CREATE TABLE agent_state (
    name  TEXT NOT NULL PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- chain = HMAC-SHA-256(key, chain before || canonical JSON of [seq, entry]).
CREATE TABLE audit_records (
    seq       INTEGER PRIMARY KEY,
    at        INTEGER NOT NULL,
    user      TEXT NOT NULL,
    action    TEXT NOT NULL,
    resource  TEXT NOT NULL,
    namespace TEXT NOT NULL,
    details   TEXT NOT NULL,            -- canonical JSON
    success   INTEGER NOT NULL CHECK (success IN (0, 1)),
    error_msg TEXT NOT NULL,
    chain     BLOB NOT NULL CHECK (length(chain) = 32)
) STRICT;
CREATE INDEX audit_user     ON audit_records (user, seq);
CREATE INDEX audit_action   ON audit_records (action, seq);
CREATE INDEX audit_resource ON audit_records (resource, seq);
CREATE INDEX audit_failed   ON audit_records (seq) WHERE success = 0;

CREATE VIEW audit_log AS
SELECT
    seq AS id,
    strftime('%Y-%m-%dT%H:%M:%S', at / 1000, 'unixepoch') || printf('.%03dZ', at % 1000) AS timestamp,
    user,
    action,
    resource,
    namespace,
    details,
    success,
    error_msg
FROM audit_records;
