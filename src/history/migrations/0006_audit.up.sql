-- When by the clock that never jumps: which start of the machine, and milliseconds since then.
ALTER TABLE audit_records ADD COLUMN boot TEXT;
ALTER TABLE audit_records ADD COLUMN uptime INTEGER;

-- What is looked for. All of it follows from the columns that the chain covers, and whoever checks the chain checks that it does.
ALTER TABLE audit_records ADD COLUMN time TEXT
    GENERATED ALWAYS AS (strftime('%Y-%m-%d %H:%M:%S', at / 1000, 'unixepoch') || printf('.%03d', at % 1000)) VIRTUAL;
-- The guides' word for what a step did, where it ended, was refused or was interrupted; elsewhere the action.
ALTER TABLE audit_records ADD COLUMN word TEXT NOT NULL DEFAULT '';
ALTER TABLE audit_records ADD COLUMN run TEXT;
ALTER TABLE audit_records ADD COLUMN runbook TEXT;
UPDATE audit_records SET
    word = CASE WHEN action IN ('step.ended', 'step.denied', 'step.interrupted') AND json_valid(details)
                THEN coalesce(json_extract(details, '$.verb'), action) ELSE action END,
    run = CASE WHEN json_valid(details) THEN json_extract(details, '$.run') END,
    runbook = CASE WHEN substr(resource, 1, 8) = 'runbook/' THEN substr(resource, 9)
                   WHEN json_valid(details) THEN json_extract(details, '$.runbook') END;

-- Each ends with the time and the row's number, so that newest first needs no sorting. Every record costs a place in each of them, so
-- there is none that another can stand in for.
DROP INDEX audit_user;
DROP INDEX audit_action;
DROP INDEX audit_resource;
DROP INDEX audit_failed;
CREATE INDEX audit_time     ON audit_records (time);
CREATE INDEX audit_user     ON audit_records (user, at);
CREATE INDEX audit_action   ON audit_records (action, at);
CREATE INDEX audit_word     ON audit_records (word, at);
CREATE INDEX audit_run      ON audit_records (run, at) WHERE run IS NOT NULL;
CREATE INDEX audit_runbook  ON audit_records (runbook, at) WHERE runbook IS NOT NULL;
-- What is said of a runbook is found by the runbook.
CREATE INDEX audit_resource ON audit_records (resource, at) WHERE resource NOT GLOB 'runbook/*';
CREATE INDEX audit_failed   ON audit_records (at) WHERE success = 0;

DROP VIEW audit_log;
CREATE VIEW audit_log AS
SELECT seq AS id, time AS timestamp, user, word AS action, resource, namespace, details, success, error_msg
FROM audit_records;

-- Records that were moved to files. The chain goes on after the last of them. seal = HMAC-SHA-256(key, purpose || 0 || canonical JSON).
CREATE TABLE audit_archives (
    last   INTEGER PRIMARY KEY,
    first  INTEGER NOT NULL,
    before BLOB NOT NULL CHECK (length(before) = 32),
    chain  BLOB NOT NULL CHECK (length(chain) = 32),
    at     INTEGER NOT NULL,
    path   TEXT NOT NULL,
    bytes  INTEGER NOT NULL,
    sha256 BLOB NOT NULL CHECK (length(sha256) = 32),
    seal   BLOB NOT NULL CHECK (length(seal) = 32)
) STRICT;
