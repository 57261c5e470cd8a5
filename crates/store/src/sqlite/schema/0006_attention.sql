-- What lists and counts are asked for besides status: counters by version, failures by what they have in common, what is tried again.

-- How the steps of an execution ended, written at its end as `steps_completed` is.
ALTER TABLE execution ADD COLUMN steps_failed INTEGER;
ALTER TABLE execution ADD COLUMN steps_skipped INTEGER;
-- 1: a step has failed and is tried again; `error` is that of the newest failure then.
ALTER TABLE execution ADD COLUMN retrying INTEGER;
-- A hash of `error_fingerprint`, also where that is encrypted.
ALTER TABLE execution ADD COLUMN failure INTEGER;
-- Empty but for what has failed or is tried again.
CREATE INDEX execution_failure ON execution (failure, id) WHERE failure IS NOT NULL;
CREATE INDEX execution_retrying ON execution (id) WHERE retrying IS NOT NULL;

-- Counters say which version.
CREATE TABLE counter_of_versions (
  workflow INTEGER NOT NULL,
  version  INTEGER NOT NULL,
  status   TEXT NOT NULL,
  count    INTEGER NOT NULL,
  seal     INTEGER, -- less `count`, so that adding to one and taking from the other keeps it
  PRIMARY KEY (workflow, version, status)
) STRICT, WITHOUT ROWID;
INSERT INTO counter_of_versions SELECT workflow, version, status, count(*), NULL FROM execution GROUP BY workflow, version, status;
DROP VIEW workflows;
DROP TABLE counter;
ALTER TABLE counter_of_versions RENAME TO counter;

-- How many executions have failed, and how many are being tried again, by what their failures have in common.
CREATE TABLE failure_counter (
  failure  INTEGER NOT NULL,
  workflow INTEGER NOT NULL,
  version  INTEGER NOT NULL,
  retrying INTEGER NOT NULL, -- 0: they have failed
  count    INTEGER NOT NULL,
  seal     INTEGER,
  PRIMARY KEY (failure, workflow, version, retrying)
) STRICT, WITHOUT ROWID;

-- Texts in JSON that the engine keeps in the order of their keys: statistics, jobs.
CREATE TABLE document (
  kind TEXT NOT NULL,
  key  TEXT NOT NULL,
  body TEXT NOT NULL,
  seal ANY,
  PRIMARY KEY (kind, key)
) STRICT, WITHOUT ROWID;

CREATE VIEW workflows AS
SELECT w.id,
       d.version AS newest_version,
       strftime('%Y-%m-%dT%H:%M:%fZ', d.created_at / 1000.0, 'unixepoch') AS registered_at,
       strftime('%Y-%m-%dT%H:%M:%fZ', d.deleted_at / 1000.0, 'unixepoch') AS deleted_at,
       (SELECT json_group_object(c.status, c.count) FROM (
          SELECT status, sum(count) AS count FROM counter WHERE workflow = w.key GROUP BY status HAVING sum(count) > 0
        ) c) AS executions
FROM workflow w
LEFT JOIN definition d ON d.workflow = w.key AND d.version = (SELECT max(version) FROM definition WHERE workflow = w.key);
