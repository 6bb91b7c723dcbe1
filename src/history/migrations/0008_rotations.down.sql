-- An older agent would leave a rotation half done, and a new credential in the state folder.
CREATE TEMP TABLE refused (
    no INTEGER CONSTRAINT "a rotation goes on, which an older agent does not know: let it end first" CHECK (no = 0)
);
INSERT INTO refused SELECT 1 WHERE EXISTS (SELECT 1 FROM rotations WHERE ended_at IS NULL);
DROP TABLE refused;

DROP TABLE rotation_events;
DROP TABLE rotations;
DROP TABLE credentials;
