-- A commit writes its events as one row of `recent`; they go into `history` when their execution ends or comes to rest, or after a
-- while. `entries` is a JSON array of `[execution.key, seq of the last event, at, [event, ...]]`. Entries that `history` holds as
-- well may stay for a while. The newest row is the newest commit; when there is none, `range.batch` is.
CREATE TABLE recent (
  batch   INTEGER PRIMARY KEY,
  form    INTEGER NOT NULL, -- of the events
  entries TEXT NOT NULL
) STRICT;

-- A row of `history` may hold several transitions: form 2 is form 1 with a number between two events when the second is later, by
-- so many milliseconds.
DROP VIEW history_entries;
CREATE VIEW history_entries AS
WITH written AS (
  SELECT e.key, e.id, e.workflow, e.version, h.place & 0xffffff AS last, h.at, h.events
  FROM execution e
  CROSS JOIN history h ON h.place BETWEEN e.key << 24 AND e.key << 24 | 0xffffff
  WHERE +h.form IN (1, 2) -- with a plus, lest it is taken for a reason to build an index of all histories
  UNION ALL
  SELECT e.key, e.id, e.workflow, e.version, j.value ->> 1, j.value ->> 2, j.value -> 3
  FROM recent r
  CROSS JOIN json_each(r.entries) j
  CROSS JOIN execution e ON e.key = j.value ->> 0
  WHERE r.form = 1
    AND j.value ->> 1 > ifnull((SELECT max(place) & 0xffffff FROM history
      WHERE place BETWEEN e.key << 24 AND e.key << 24 | 0xffffff), 0)
), entry AS (
  SELECT w.key, w.id, w.workflow, w.version,
         w.at + ifnull((SELECT sum(k.value) FROM json_each(w.events) k WHERE k.type = 'integer' AND k.key < j.key), 0) AS at,
         w.last - (SELECT count(*) FROM json_each(w.events) k WHERE k.type = 'array' AND k.key > j.key) AS seq,
         j.value ->> 0 AS name,
         j.value AS event
  FROM written w
  CROSS JOIN json_each(w.events) j
  WHERE j.type = 'array'
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
