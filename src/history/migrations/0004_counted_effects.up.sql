-- Limits count objects, by namespace, target and runbook. A step of before counts as one object somewhere.
ALTER TABLE effects ADD COLUMN target TEXT NOT NULL DEFAULT '';
ALTER TABLE effects ADD COLUMN objects INTEGER NOT NULL DEFAULT 1;
