-- Artifacts may be encrypted, know their commit, and may be doubted until a person accepts them.

ALTER TABLE artifacts ADD COLUMN encrypted INTEGER NOT NULL DEFAULT 0 CHECK (encrypted IN (0, 1));
ALTER TABLE artifacts ADD COLUMN revision  TEXT NOT NULL DEFAULT '';
ALTER TABLE artifacts ADD COLUMN doubt     TEXT;
CREATE INDEX artifacts_path ON artifacts (path);
