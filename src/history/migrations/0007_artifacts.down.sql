DROP INDEX artifacts_path;
ALTER TABLE artifacts DROP COLUMN doubt;
ALTER TABLE artifacts DROP COLUMN revision;
ALTER TABLE artifacts DROP COLUMN encrypted;
