DROP TABLE proven;
DROP TABLE circuits;
DELETE FROM agent_state WHERE name IN ('halt', 'first_runs');
