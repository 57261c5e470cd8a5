-- Times are milliseconds since 1970. Ids of executions are the 16 bytes after `exec_`; inside, an integer stands for one, since
-- long keys make long indexes. The views at the end are for people: open the file with `sqlite3 -readonly`, also while the
-- engine runs. Texts in JSON are JSON, so `json_extract` works on them.

CREATE TABLE workflow (
  key INTEGER PRIMARY KEY,
  id  TEXT NOT NULL UNIQUE
) STRICT;

CREATE TABLE definition (
  workflow   INTEGER NOT NULL,
  version    INTEGER NOT NULL,
  stored     TEXT NOT NULL, -- the checked form
  source     TEXT NOT NULL, -- as it was registered
  created_at INTEGER NOT NULL,
  deleted_at INTEGER,
  PRIMARY KEY (workflow, version)
) STRICT;

-- The head rows. Nothing here changes with every transition.
CREATE TABLE execution (
  key               INTEGER PRIMARY KEY,
  id                BLOB NOT NULL UNIQUE,
  workflow          INTEGER NOT NULL,
  version           INTEGER NOT NULL,
  status            TEXT NOT NULL,
  wake_at           INTEGER, -- when it must be in memory; 0 is now
  started_at        INTEGER NOT NULL,
  completed_at      INTEGER,
  steps_completed   INTEGER,
  failed_step       TEXT,
  error_code        TEXT,
  error             TEXT,
  error_fingerprint TEXT,
  triggered_by      TEXT NOT NULL,
  trigger_source    TEXT,
  replay_of         BLOB,
  parent            BLOB
) STRICT;

-- Every list reads ranges of this one (or of the ids): newest first within a status and a workflow.
CREATE INDEX execution_list ON execution (status, workflow, id);
-- Empty but for what is under way or asleep.
CREATE INDEX execution_wake ON execution (wake_at, id) WHERE wake_at IS NOT NULL;

-- The truth: a row is one transition, its events a JSON array. `place` is execution * 2^24 + the seq of its last event.
CREATE TABLE history (
  place  INTEGER PRIMARY KEY,
  at     INTEGER NOT NULL,
  form   INTEGER NOT NULL, -- of the text: old forms are read for ever
  events TEXT NOT NULL
) STRICT;

-- Inputs and outputs over 4 KiB, by the place of their event.
CREATE TABLE payload (
  place INTEGER PRIMARY KEY,
  json  TEXT NOT NULL
) STRICT;

-- A cache of the fold of a long history: may be deleted at any time.
CREATE TABLE snapshot (
  execution INTEGER PRIMARY KEY,
  seq       INTEGER NOT NULL,
  codec     INTEGER NOT NULL,
  body      TEXT NOT NULL
) STRICT;

-- What executions at rest want, a row an action.
CREATE TABLE parked (
  action    TEXT NOT NULL,
  id        BLOB NOT NULL,
  execution INTEGER NOT NULL,
  PRIMARY KEY (action, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX parked_execution ON parked (execution);

-- Idempotency keys and event ids.
CREATE TABLE claim (
  kind       TEXT NOT NULL,
  scope      TEXT NOT NULL,
  key        TEXT NOT NULL,
  executions TEXT NOT NULL,
  data       TEXT NOT NULL,
  PRIMARY KEY (kind, scope, key)
) STRICT, WITHOUT ROWID;

CREATE TABLE endpoint (
  name        TEXT PRIMARY KEY,
  url         TEXT NOT NULL,
  actions     TEXT, -- absent: they are discovered
  secret      TEXT,
  timeout_ms  INTEGER NOT NULL,
  concurrency INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE counter (
  workflow INTEGER NOT NULL,
  status   TEXT NOT NULL,
  count    INTEGER NOT NULL,
  PRIMARY KEY (workflow, status)
) STRICT, WITHOUT ROWID;

-- Who writes, and the number of the newest commit. One row: a file has one owner.
CREATE TABLE range (
  slot_from INTEGER PRIMARY KEY CHECK (slot_from = 0),
  slot_to   INTEGER NOT NULL,
  owner     TEXT NOT NULL,
  epoch     INTEGER NOT NULL,
  batch     INTEGER NOT NULL,
  -- How far the time in an id lies before and behind `started_at`, so that a list by time of start is a range of ids.
  ahead_min INTEGER NOT NULL,
  ahead_max INTEGER NOT NULL
) STRICT;
INSERT INTO range VALUES (0, 4096, '', 0, 0, 0, 0);

CREATE VIEW executions AS
SELECT 'exec_' || lower(hex(e.id)) AS id,
       w.id AS workflow,
       e.version,
       e.status,
       strftime('%Y-%m-%dT%H:%M:%fZ', e.started_at / 1000.0, 'unixepoch') AS started_at,
       strftime('%Y-%m-%dT%H:%M:%fZ', e.completed_at / 1000.0, 'unixepoch') AS completed_at,
       e.steps_completed,
       e.failed_step,
       e.error_code,
       e.error,
       CASE e.wake_at WHEN 0 THEN 'now' ELSE strftime('%Y-%m-%dT%H:%M:%fZ', e.wake_at / 1000.0, 'unixepoch') END AS wakes_at,
       e.triggered_by,
       e.trigger_source,
       iif(e.replay_of IS NULL, NULL, 'exec_' || lower(hex(e.replay_of))) AS replay_of,
       iif(e.parent IS NULL, NULL, 'exec_' || lower(hex(e.parent))) AS parent
FROM execution e JOIN workflow w ON w.key = e.workflow;

-- One row an event, with the names of steps from the definition that the execution is pinned to.
CREATE VIEW history_entries AS
WITH entry AS (
  SELECT e.key, e.id, e.workflow, e.version, h.at,
         (h.place & 0xffffff) - json_array_length(h.events) + 1 + j.key AS seq,
         j.value ->> 0 AS name,
         j.value AS event
  FROM execution e
  CROSS JOIN history h ON h.place BETWEEN e.key << 24 AND e.key << 24 | 0xffffff
  CROSS JOIN json_each(h.events) j
  WHERE +h.form = 1 -- with a plus, lest it is taken for a reason to build an index of all histories
)
SELECT 'exec_' || lower(hex(n.id)) AS execution,
       n.seq,
       strftime('%Y-%m-%dT%H:%M:%fZ', n.at / 1000.0, 'unixepoch') AS at,
       CASE n.name
         WHEN 'start_stored' THEN 'start'
         WHEN 'ready' THEN 'step_ready'
         WHEN 'begin' THEN 'step_start'
         WHEN 'complete' THEN 'step_complete'
         WHEN 'complete_stored' THEN 'step_complete'
         WHEN 'fail' THEN 'step_fail'
         WHEN 'skip' THEN 'step_skip'
         WHEN 'cancel_step' THEN 'step_cancel'
         WHEN 'interrupt' THEN 'step_interrupted'
         WHEN 'completed' THEN 'complete'
         WHEN 'failed' THEN 'fail'
         WHEN 'cancelled' THEN 'cancel'
         ELSE n.name -- start, wait, pause, resume, retry
       END AS type,
       CASE WHEN n.name IN ('ready', 'begin', 'complete', 'complete_stored', 'fail', 'skip', 'cancel_step', 'interrupt', 'wait')
         THEN coalesce(d.source ->> ('$.steps[' || (n.event ->> 1) || '].id'), n.event ->> 1) END AS step,
       CASE WHEN n.name IN ('begin', 'complete', 'complete_stored', 'fail', 'interrupt') THEN n.event ->> 2 END AS attempt,
       CASE n.name
         WHEN 'start' THEN n.event -> 2
         WHEN 'complete' THEN n.event -> 3
         WHEN 'start_stored' THEN (SELECT json FROM payload WHERE place = n.key << 24 | n.seq)
         WHEN 'complete_stored' THEN (SELECT json FROM payload WHERE place = n.key << 24 | n.seq)
         WHEN 'fail' THEN n.event -> 3
         WHEN 'failed' THEN n.event -> 1
         WHEN 'begin' THEN NULL
         ELSE nullif(json_remove(n.event, '$[0]'), '[]')
       END AS data
FROM entry n LEFT JOIN definition d ON d.workflow = n.workflow AND d.version = n.version;

CREATE VIEW workflows AS
SELECT w.id,
       d.version AS newest_version,
       strftime('%Y-%m-%dT%H:%M:%fZ', d.created_at / 1000.0, 'unixepoch') AS registered_at,
       strftime('%Y-%m-%dT%H:%M:%fZ', d.deleted_at / 1000.0, 'unixepoch') AS deleted_at,
       (SELECT json_group_object(c.status, c.count) FROM counter c WHERE c.workflow = w.key AND c.count > 0) AS executions
FROM workflow w
LEFT JOIN definition d ON d.workflow = w.key AND d.version = (SELECT max(version) FROM definition WHERE workflow = w.key);
