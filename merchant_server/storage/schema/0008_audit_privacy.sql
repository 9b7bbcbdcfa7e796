-- An act gets its place in the log soon after its commit, in batches, so that transactions do not wait for each other.
-- Until then it stands on a waiting list. Its mark is a keyed hash over the row; the key is not in the database.

ALTER TABLE audit ADD COLUMN mark TEXT;

-- How many acts at the log's beginning are older than marks; the counter itself is marked from the next act on.
ALTER TABLE audit_tree ADD COLUMN unmarked BIGINT NOT NULL DEFAULT 0;
ALTER TABLE audit_tree ADD COLUMN mark TEXT;

-- Numbers rise in the order of arrival: who saw an act committed has a higher number.
CREATE TABLE audit_arrivals (
-- only: sqlite
  arrival BIGINT PRIMARY KEY,
-- end
-- only: postgresql
  arrival BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
-- end
  audit_id TEXT NOT NULL REFERENCES audit (id)
);

INSERT INTO audit_arrivals (audit_id)
  SELECT a.id FROM audit a WHERE NOT EXISTS (SELECT 1 FROM audit_leaves l WHERE l.audit_id = a.id) ORDER BY a.id;
UPDATE audit_tree SET unmarked = (SELECT COUNT(*) FROM audit);

-- The database itself puts each act on the list, and keeps it there until it has its place.
-- only: sqlite
CREATE TRIGGER audit_arrives AFTER INSERT ON audit BEGIN INSERT INTO audit_arrivals (audit_id) VALUES (NEW.id); END;
CREATE TRIGGER audit_arrivals_fixed_update BEFORE UPDATE ON audit_arrivals BEGIN SELECT RAISE(ABORT, 'audit arrivals are never changed'); END;
CREATE TRIGGER audit_arrivals_wait BEFORE DELETE ON audit_arrivals WHEN NOT EXISTS (SELECT 1 FROM audit_leaves WHERE audit_id = OLD.audit_id) BEGIN SELECT RAISE(ABORT, 'an act waits until it has its place'); END;
-- end
-- only: postgresql
CREATE FUNCTION audit_arrives() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO audit_arrivals (audit_id) VALUES (NEW.id); RETURN NULL; END $$;
CREATE TRIGGER audit_arrives AFTER INSERT ON audit FOR EACH ROW EXECUTE FUNCTION audit_arrives();
CREATE FUNCTION audit_arrival_waits() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  IF NOT EXISTS (SELECT 1 FROM audit_leaves WHERE audit_id = OLD.audit_id) THEN RAISE EXCEPTION 'an act waits until it has its place'; END IF;
  RETURN OLD; END $$;
CREATE TRIGGER audit_arrivals_fixed BEFORE UPDATE ON audit_arrivals FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER audit_arrivals_wait BEFORE DELETE ON audit_arrivals FOR EACH ROW EXECUTE FUNCTION audit_arrival_waits();
-- end

-- One row while the log is known to be altered: told once, and looked at again once a day.
CREATE TABLE audit_alarm (
  id BIGINT PRIMARY KEY CHECK (id = 1),
  found_at TEXT NOT NULL,
  tried_at TEXT NOT NULL,
  detail TEXT NOT NULL
);

-- What was answered to a complaint, sealed like the complaint itself.
ALTER TABLE complaints ADD COLUMN answer_sealed BLOB;
ALTER TABLE complaints ADD COLUMN answered_at TEXT;
ALTER TABLE complaints ADD COLUMN answered_by TEXT;
