-- Every audit row has one leaf in an append-only log (RFC 6962): numbered in commit order without gaps,
-- chained to the leaf before it, and covered by signed heads. Hashes are lower-case hex.

CREATE TABLE audit_leaves (
  sequence BIGINT PRIMARY KEY CHECK (sequence > 0),
  audit_id TEXT NOT NULL UNIQUE REFERENCES audit (id),
  salt TEXT NOT NULL,
  previous_hash TEXT NOT NULL,
  leaf_hash TEXT NOT NULL
);

-- One row: the counter that gives out places, and the newest leaf.
CREATE TABLE audit_tree (
  id BIGINT PRIMARY KEY CHECK (id = 1),
  size BIGINT NOT NULL CHECK (size >= 0),
  last_hash TEXT NOT NULL
);
INSERT INTO audit_tree (id, size, last_hash)
  VALUES (1, 0, '0000000000000000000000000000000000000000000000000000000000000000');

-- Hashes over 256 leaves each, so that a proof reads hundreds of rows and not the whole log. A verification ignores them.
CREATE TABLE audit_tiles (
  number BIGINT PRIMARY KEY,
  tile_hash TEXT NOT NULL
);

CREATE TABLE audit_heads (
  size BIGINT PRIMARY KEY CHECK (size > 0),
  root_hash TEXT NOT NULL,
  at TEXT NOT NULL,
  signature TEXT NOT NULL,
  certificate TEXT NOT NULL
);

-- What a consumer was shown and did on the way to a signature; facts are the audit row's detail, the person's part is sealed.
CREATE TABLE consent_events (
  audit_id TEXT PRIMARY KEY REFERENCES audit (id),
  checkout_id TEXT NOT NULL REFERENCES checkouts (id),
  kind TEXT NOT NULL,
  at TEXT NOT NULL,
  personal_sealed BLOB NOT NULL
);
CREATE INDEX consent_events_of_checkout ON consent_events (checkout_id, audit_id);

-- only: sqlite
CREATE TRIGGER audit_leaves_fixed_update BEFORE UPDATE ON audit_leaves BEGIN SELECT RAISE(ABORT, 'audit leaves are never changed'); END;
CREATE TRIGGER audit_leaves_fixed_delete BEFORE DELETE ON audit_leaves BEGIN SELECT RAISE(ABORT, 'audit leaves are never changed'); END;
CREATE TRIGGER audit_heads_fixed_update BEFORE UPDATE ON audit_heads BEGIN SELECT RAISE(ABORT, 'audit heads are never changed'); END;
CREATE TRIGGER audit_heads_fixed_delete BEFORE DELETE ON audit_heads BEGIN SELECT RAISE(ABORT, 'audit heads are never changed'); END;
CREATE TRIGGER audit_tree_fixed_delete BEFORE DELETE ON audit_tree BEGIN SELECT RAISE(ABORT, 'the audit tree is never deleted'); END;
CREATE TRIGGER audit_tree_grows BEFORE UPDATE ON audit_tree WHEN NEW.size < OLD.size BEGIN SELECT RAISE(ABORT, 'the audit tree only grows'); END;
CREATE TRIGGER consent_events_fixed_update BEFORE UPDATE ON consent_events BEGIN SELECT RAISE(ABORT, 'consent events are never changed'); END;
CREATE TRIGGER consent_events_fixed_delete BEFORE DELETE ON consent_events BEGIN SELECT RAISE(ABORT, 'consent events are never changed'); END;
-- end
-- only: postgresql
CREATE TRIGGER audit_leaves_fixed BEFORE UPDATE OR DELETE ON audit_leaves FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER audit_heads_fixed BEFORE UPDATE OR DELETE ON audit_heads FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER consent_events_fixed BEFORE UPDATE OR DELETE ON consent_events FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER audit_tree_fixed_delete BEFORE DELETE ON audit_tree FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER audit_tree_grows BEFORE UPDATE ON audit_tree FOR EACH ROW WHEN (NEW.size < OLD.size) EXECUTE FUNCTION refuse_change();
-- end
