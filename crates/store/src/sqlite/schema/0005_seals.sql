-- Beside each stored text, what tells whether it is the one that was written: a checksum (a number), or the text itself, encrypted
-- (bytes: 1, the length of the key's name, the name, a nonce of 24 bytes, XChaCha20-Poly1305); then the text is a placeholder. Rows
-- of earlier versions have none. Either covers the row's place and its other columns too.
ALTER TABLE history ADD COLUMN seal ANY;
ALTER TABLE payload ADD COLUMN seal ANY;
ALTER TABLE recent ADD COLUMN seal ANY;
ALTER TABLE snapshot ADD COLUMN seal ANY;
ALTER TABLE definition ADD COLUMN seal ANY;
ALTER TABLE claim ADD COLUMN seal ANY;
ALTER TABLE endpoint ADD COLUMN seal ANY;
-- Of `error` and `error_fingerprint`.
ALTER TABLE execution ADD COLUMN seal ANY;
-- The seq of the newest event when the row was written: a history that ends before it has lost something.
ALTER TABLE execution ADD COLUMN last INTEGER;
ALTER TABLE workflow ADD COLUMN seal INTEGER;
ALTER TABLE range ADD COLUMN seal INTEGER;
-- Less `count`, so that adding to one and taking from the other keeps it.
ALTER TABLE counter ADD COLUMN seal INTEGER;

-- The keys that the file was written with; `proof` is an empty text, encrypted.
CREATE TABLE encryption_key (
  id    TEXT PRIMARY KEY,
  proof BLOB NOT NULL
) STRICT, WITHOUT ROWID;
