-- An older agent knows of no halt, and would go on.
CREATE TEMP TABLE refused (
    no INTEGER CONSTRAINT "all effects are halted, which an older agent does not know: end the halt with orderly unhalt first" CHECK (no = 0)
);
INSERT INTO refused SELECT 1 WHERE EXISTS (SELECT 1 FROM agent_state WHERE name = 'halt');
DROP TABLE refused;

DROP TABLE proven;
DROP TABLE circuits;
DELETE FROM agent_state WHERE name IN ('halt', 'first_runs');
