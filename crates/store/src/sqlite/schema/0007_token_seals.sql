-- A checksum of the row, which rows of earlier versions do not have: a token that was changed lets nobody in.
ALTER TABLE token ADD COLUMN seal INTEGER;
