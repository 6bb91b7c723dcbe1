-- What is not to be relied on is few among many, and asked for often.

CREATE INDEX artifacts_unsound ON artifacts (at, id) WHERE removed_at IS NULL AND unsound_at IS NOT NULL;
CREATE INDEX artifacts_doubted ON artifacts (at, id) WHERE removed_at IS NULL AND unsound_at IS NULL AND doubt IS NOT NULL;
