ALTER TABLE effects DROP COLUMN objects;
ALTER TABLE effects DROP COLUMN target;
