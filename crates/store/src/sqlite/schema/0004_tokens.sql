-- Who may call. The secret is not here: `sha256` is that of the whole text that the token's holder has. Rows stay when they are
-- revoked, so that whoever is named elsewhere can be found.
CREATE TABLE token (
  id         TEXT PRIMARY KEY,
  name       TEXT NOT NULL, -- unique among those that are not revoked
  role       TEXT NOT NULL, -- reader, operator, admin, worker
  sha256     BLOB NOT NULL,
  created_at INTEGER NOT NULL,
  revoked_at INTEGER
) STRICT, WITHOUT ROWID;
