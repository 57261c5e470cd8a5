-- What orders of five steps write, without the engine: the statements of such orders, in groups, over our schema. It knows bytes of
-- log and of disk, and no times. docs/scale.md has what it said. In an empty database, as a superuser, from the root of the project:
--
--   psql -X -v groups=800 -v group=256 -v extra=0 -v slot_in_key=false -f bench/postgres/bytes.sql postgres://...
--
-- `extra`: bytes of text that each step's output has more. `slot_in_key`: histories have the slot as a column, first in their key.
-- The text of an event is of a length with which it comes near to what the engine writes; it is random, so nothing compresses it.
\set QUIET on
\set ON_ERROR_STOP on
\set schema crates/store/src/postgres/schema/0006_initial.sql
SET client_min_messages = 'error';
\i :schema

CREATE TABLE history_slotted (
  slot      INT4 NOT NULL,
  execution UUID NOT NULL,
  seq       BIGINT NOT NULL,
  at        BIGINT NOT NULL,
  form      BIGINT NOT NULL,
  events    TEXT NOT NULL,
  seal      BYTEA NOT NULL,
  PRIMARY KEY (slot, execution, seq)
) PARTITION BY RANGE (execution);
CREATE TABLE history_slotted_all PARTITION OF history_slotted DEFAULT;

INSERT INTO engine (id, seat, name, alone, joined_at, lease_until, epoch, batch) VALUES ('e', 0, 'e', false, now(), now(), 1, 0);

CREATE PROCEDURE orders(groups INT, orders INT, extra INT, slot_in_key BOOLEAN) LANGUAGE plpgsql AS $$
DECLARE
  ids UUID[];
  slots INT[];
  now_ms BIGINT;
  seal BYTEA := '\x0011223344556677';
BEGIN
  FOR g IN 1..groups LOOP
    now_ms := extract(epoch FROM clock_timestamp()) * 1000;
    -- As ids are: the time, a number, chance, the slot.
    SELECT array_agg((lpad(to_hex(now_ms), 12, '0') || '7' || lpad(to_hex(n), 3, '0') || '8' || substr(md5(random()::text), 1, 12)
             || lpad(to_hex(slot), 3, '0'))::uuid), array_agg(slot)
      INTO ids, slots FROM (SELECT n, floor(random() * 4096)::int AS slot FROM generate_series(1, orders) n) s;
    -- The start, and an output each.
    FOR step IN 0..5 LOOP
      UPDATE engine SET batch = batch + 1 WHERE id = 'e';
      IF step = 0 THEN
        INSERT INTO execution (id, slot, workflow, version, status, wake_at, started_at, retrying, triggered_by, last, seal)
          SELECT id, slot, 'order-processing', 1, 'running', 0, now_ms, false, 'start', 1, seal FROM unnest(ids, slots) AS u(id, slot);
      END IF;
      IF slot_in_key THEN
        INSERT INTO history_slotted (slot, execution, seq, at, form, events, seal)
          SELECT slot, id, step * 3 + 2, now_ms, 1, (SELECT string_agg(md5(id::text || step || n), '')
            FROM generate_series(1, (128 + CASE WHEN step > 0 THEN extra ELSE 0 END) / 32) n), seal FROM unnest(ids, slots) AS u(id, slot);
      ELSE
        INSERT INTO history_dated (execution, seq, at, form, events, seal)
          SELECT id, step * 3 + 2, now_ms, 1, (SELECT string_agg(md5(id::text || step || n), '')
            FROM generate_series(1, (128 + CASE WHEN step > 0 THEN extra ELSE 0 END) / 32) n), seal FROM unnest(ids) AS u(id);
      END IF;
      IF step = 5 THEN
        UPDATE execution SET status = 'completed', wake_at = NULL, completed_at = now_ms, steps_completed = 5, steps_failed = 0,
          steps_skipped = 0, last = 17 WHERE id = ANY(ids);
      END IF;
      INSERT INTO counter (seat, workflow, version, status, count) VALUES (0, 'order-processing', 1, 'running', orders)
        ON CONFLICT (seat, workflow, version, status) DO UPDATE SET count = counter.count + excluded.count;
      COMMIT;
    END LOOP;
  END LOOP;
END $$;

SET synchronous_commit = off;
-- The first pages of a table are no measure.
CALL orders(4, :group, :extra, :slot_in_key);
CHECKPOINT;
SELECT pg_current_wal_lsn() AS log_before, pg_database_size(current_database()) AS disk_before \gset
CALL orders(:groups, :group, :extra, :slot_in_key);

SELECT :groups * :group AS orders,
       round(pg_wal_lsn_diff(pg_current_wal_lsn(), :'log_before') / (:groups * :group)) AS log_bytes_each,
       round((pg_database_size(current_database()) - :disk_before)::numeric / (:groups * :group)) AS disk_bytes_each,
       pg_total_relation_size('execution') / ((:groups + 4) * :group) AS head_row_bytes_each,
       (SELECT sum(pg_total_relation_size(inhrelid)) FROM pg_inherits
        WHERE inhparent IN ('history_dated'::regclass, 'history_slotted'::regclass))::bigint / ((:groups + 4) * :group)
         AS history_bytes_each;
