DROP INDEX artifacts_doubted;
DROP INDEX artifacts_unsound;
