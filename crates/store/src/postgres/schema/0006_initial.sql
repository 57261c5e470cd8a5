-- The same tables as in SQLite, numbered as there; what differs is what many engines on one database need. Times are milliseconds
-- since 1970, but for leases, which only the clock of the database measures. Texts in JSON are JSON. Beside each stored text, `seal`
-- tells whether it is the one that was written: a zero and a checksum, or the text itself, encrypted; then the text is a placeholder.
-- A text that may hold any character holds U+0000, which PostgreSQL does not store, as U+10FFFE and `0`.

-- Numbers of which there is one each: `catalog` goes up with each definition, endpoint and token; `members` is locked by whoever
-- changes who owns what; the time in an id lies `ahead_min` to `ahead_max` before `started_at`.
CREATE TABLE cluster (
  name   TEXT PRIMARY KEY,
  number BIGINT NOT NULL
) WITH (fillfactor = 50);
INSERT INTO cluster VALUES ('members', 0), ('catalog', 0), ('ahead_min', 0), ('ahead_max', 0);

-- Lives of engines. Each commit begins with its engine's row, so that an engine whose row is gone, or has another epoch, commits
-- nothing; whoever takes over what it owned takes its row away in the same transaction.
CREATE TABLE engine (
  id          TEXT PRIMARY KEY,
  -- The smallest number that no other has: engines have counters of their own.
  seat        INT4 NOT NULL UNIQUE,
  -- What a person looks for it by, and where workers reach it.
  name        TEXT NOT NULL,
  url         TEXT,
  -- It shares with nobody: a command that works on the whole database.
  alone       BOOLEAN NOT NULL,
  joined_at   TIMESTAMPTZ NOT NULL,
  lease_until TIMESTAMPTZ NOT NULL,
  -- One more with each connection that commits: what an earlier one had sent comes to nothing.
  epoch       BIGINT NOT NULL,
  -- The number of its newest commit.
  batch       BIGINT NOT NULL
) WITH (fillfactor = 50);

-- Who owns the executions of which slots: 64 ranges of 64 slots each. An owner that is not in `engine` is nobody.
CREATE TABLE range (
  slot_from INT4 PRIMARY KEY,
  slot_to   INT4 NOT NULL,
  owner     TEXT NOT NULL,
  -- How often it changed hands.
  epoch     BIGINT NOT NULL
) WITH (fillfactor = 50);
INSERT INTO range SELECT n * 64, n * 64 + 64, '', 0 FROM generate_series(0, 63) n;

-- What engines ask of the one that owns an execution. Its answer comes with the commit of what it did.
CREATE TABLE inbox (
  seq       BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  execution UUID NOT NULL,
  slot      INT4 NOT NULL,
  command   TEXT NOT NULL,
  asked_at  TIMESTAMPTZ NOT NULL,
  answer    TEXT
) WITH (fillfactor = 50);

CREATE TABLE definition (
  workflow   TEXT NOT NULL,
  version    BIGINT NOT NULL,
  stored     TEXT NOT NULL, -- the checked form
  source     TEXT NOT NULL, -- as it was registered
  created_at BIGINT NOT NULL,
  deleted_at BIGINT,
  seal       BYTEA NOT NULL,
  PRIMARY KEY (workflow, version)
);

-- The head rows. Nothing here changes with every transition. What does change is mostly status or `wake_at`, which are in indexes; the
-- room that pages keep is for the rest, and for what a row grows by when it fails or ends.
CREATE TABLE execution (
  id                UUID PRIMARY KEY,
  slot              INT4 NOT NULL, -- the last 12 bits of the id
  workflow          TEXT NOT NULL,
  version           BIGINT NOT NULL,
  status            TEXT NOT NULL,
  wake_at           BIGINT, -- when it must be in memory; 0 is now
  started_at        BIGINT NOT NULL,
  completed_at      BIGINT,
  steps_completed   BIGINT,
  steps_failed      BIGINT,
  steps_skipped     BIGINT,
  failed_step       TEXT,
  error_code        TEXT,
  error             TEXT,
  error_fingerprint TEXT,
  failure           BIGINT, -- a hash of `error_fingerprint`, also where that is encrypted
  retrying          BOOLEAN NOT NULL, -- a step has failed and is tried again; `error` is that of the newest failure then
  triggered_by      TEXT NOT NULL,
  trigger_source    TEXT,
  replay_of         UUID,
  parent            UUID,
  last              BIGINT NOT NULL, -- the seq of the newest event when the row was written
  claim_kind        TEXT, -- the claim that started it
  claim_scope       TEXT,
  claim_key         TEXT,
  seal              BYTEA NOT NULL -- of `error` and `error_fingerprint`
) WITH (fillfactor = 80);

-- Every list reads ranges of this one (or of the ids): newest first within a status and a workflow.
CREATE INDEX execution_list ON execution (status, workflow, id);
-- Empty but for what is under way or asleep; by range, so that an engine looks at what is its own. A range is `slot >> 6`: a division
-- of integers is something else in other databases that speak this dialect.
CREATE INDEX execution_wake ON execution ((slot >> 6), wake_at, id) WHERE wake_at IS NOT NULL;
-- Empty but for what has failed or is tried again.
CREATE INDEX execution_failure ON execution (failure, id) WHERE failure IS NOT NULL;
CREATE INDEX execution_retrying ON execution (id) WHERE retrying;

-- The truth: a row is one transition, its events a JSON array, known by the seq of its last event. What is written goes to
-- `history_dated`, which has a partition for each span of ids, and so for when the execution was started. What has to stay longer than
-- the rest of its partition is moved to `history_kept`; `history` is both. Rows of an execution without a head row are of one that was
-- deleted: they go with their partition.
CREATE TABLE history_dated (
  execution UUID NOT NULL,
  seq       BIGINT NOT NULL,
  at        BIGINT NOT NULL,
  form      BIGINT NOT NULL, -- of the text: old forms are read for ever
  events    TEXT NOT NULL,
  seal      BYTEA NOT NULL,
  PRIMARY KEY (execution, seq)
) PARTITION BY RANGE (execution);
-- For ids that no partition is there for: of one that was dropped, or could not be made in time.
CREATE TABLE history_undated PARTITION OF history_dated DEFAULT;
CREATE TABLE history_kept (LIKE history_dated INCLUDING ALL);
CREATE VIEW history AS
SELECT execution, seq, at, form, events, seal FROM history_dated
UNION ALL
SELECT execution, seq, at, form, events, seal FROM history_kept;

-- Inputs and outputs over 4 KiB, by their event; the same.
CREATE TABLE payload_dated (
  execution UUID NOT NULL,
  seq       BIGINT NOT NULL,
  json      TEXT NOT NULL,
  seal      BYTEA NOT NULL,
  PRIMARY KEY (execution, seq)
) PARTITION BY RANGE (execution);
CREATE TABLE payload_undated PARTITION OF payload_dated DEFAULT;
CREATE TABLE payload_kept (LIKE payload_dated INCLUDING ALL);
CREATE VIEW payload AS
SELECT execution, seq, json, seal FROM payload_dated
UNION ALL
SELECT execution, seq, json, seal FROM payload_kept;

-- A cache of the fold of a long history: may be deleted at any time.
CREATE TABLE snapshot (
  execution UUID PRIMARY KEY,
  seq       BIGINT NOT NULL,
  codec     BIGINT NOT NULL,
  body      TEXT NOT NULL,
  seal      BYTEA NOT NULL
) WITH (fillfactor = 50);

-- What executions at rest want, a row an action.
CREATE TABLE parked (
  action    TEXT NOT NULL,
  execution UUID NOT NULL,
  slot      INT4 NOT NULL,
  PRIMARY KEY (action, execution)
);
CREATE INDEX parked_execution ON parked (execution);
CREATE INDEX parked_range ON parked (action, (slot >> 6), execution);

-- Idempotency keys and event ids.
CREATE TABLE claim (
  kind       TEXT NOT NULL,
  scope      TEXT NOT NULL,
  key        TEXT NOT NULL,
  executions UUID[] NOT NULL,
  data       TEXT NOT NULL,
  seal       BYTEA NOT NULL,
  PRIMARY KEY (kind, scope, key)
);

CREATE TABLE endpoint (
  name        TEXT PRIMARY KEY,
  url         TEXT NOT NULL,
  actions     TEXT, -- absent: they are discovered
  secret      TEXT,
  timeout_ms  BIGINT NOT NULL,
  concurrency BIGINT NOT NULL,
  seal        BYTEA NOT NULL
);

-- Who may call. The secret is not here: `sha256` is that of the whole text that the token's holder has. Rows stay when they are
-- revoked, so that whoever is named elsewhere can be found.
CREATE TABLE token (
  id         TEXT PRIMARY KEY,
  name       TEXT NOT NULL, -- unique among those that are not revoked
  role       TEXT NOT NULL, -- reader, operator, admin, worker
  sha256     BYTEA NOT NULL,
  created_at BIGINT NOT NULL,
  revoked_at BIGINT,
  seal       BYTEA NOT NULL -- a checksum of the row
);

-- How many executions there are: the sum over all seats, of which one may be negative.
CREATE TABLE counter (
  seat     INT4 NOT NULL,
  workflow TEXT NOT NULL,
  version  BIGINT NOT NULL,
  status   TEXT NOT NULL,
  count    BIGINT NOT NULL,
  PRIMARY KEY (seat, workflow, version, status)
) WITH (fillfactor = 50);

-- How many executions have failed, and how many are being tried again, by what their failures have in common.
CREATE TABLE failure_counter (
  seat     INT4 NOT NULL,
  failure  BIGINT NOT NULL,
  workflow TEXT NOT NULL,
  version  BIGINT NOT NULL,
  retrying BOOLEAN NOT NULL, -- no: they have failed
  count    BIGINT NOT NULL,
  PRIMARY KEY (seat, failure, workflow, version, retrying)
) WITH (fillfactor = 50);

-- Texts in JSON that the engine keeps in the order of the bytes of their keys: statistics, jobs.
CREATE TABLE document (
  kind TEXT NOT NULL,
  key  TEXT COLLATE "C" NOT NULL,
  body TEXT NOT NULL,
  seal BYTEA NOT NULL,
  PRIMARY KEY (kind, key)
) WITH (fillfactor = 50);

-- The keys that the database was written with; `proof` is an empty text, encrypted.
CREATE TABLE encryption_key (
  id    TEXT PRIMARY KEY,
  proof BYTEA NOT NULL
);

-- For people.
CREATE VIEW executions AS
SELECT 'exec_' || replace(id::text, '-', '') AS id,
       workflow,
       version,
       status,
       to_timestamp(started_at / 1000.0) AS started_at,
       to_timestamp(completed_at / 1000.0) AS completed_at,
       steps_completed,
       failed_step,
       error_code,
       error,
       CASE wake_at WHEN 0 THEN 'now' ELSE to_timestamp(wake_at / 1000.0)::text END AS wakes_at,
       triggered_by,
       trigger_source,
       'exec_' || replace(replay_of::text, '-', '') AS replay_of,
       'exec_' || replace(parent::text, '-', '') AS parent
FROM execution;

CREATE VIEW workflows AS
SELECT d.workflow AS id,
       d.version AS newest_version,
       to_timestamp(d.created_at / 1000.0) AS registered_at,
       to_timestamp(d.deleted_at / 1000.0) AS deleted_at
FROM definition d
WHERE d.version = (SELECT max(version) FROM definition o WHERE o.workflow = d.workflow);
