-- Policies, reviews and what the fraud rules count. A pre-approval is a decision without a checkout.

-- only: sqlite
CREATE TABLE decisions_next (
  id TEXT PRIMARY KEY,
  merchant_id TEXT NOT NULL,
  mode TEXT NOT NULL,
  checkout_id TEXT REFERENCES checkouts (id),
  consumer_id TEXT NOT NULL REFERENCES consumers (id),
  outcome TEXT,
  reason TEXT,
  policy_version TEXT,
  record_sealed BLOB,
  requested_at TEXT NOT NULL,
  decided_at TEXT
);
INSERT INTO decisions_next SELECT id, merchant_id, mode, checkout_id, consumer_id, outcome, reason, policy_version,
  record_sealed, requested_at, decided_at FROM decisions;
DROP TABLE decisions;
ALTER TABLE decisions_next RENAME TO decisions;
CREATE INDEX decisions_of_consumer ON decisions (consumer_id, decided_at);
CREATE INDEX decisions_unanswered ON decisions (requested_at) WHERE decided_at IS NULL;
-- end
-- only: postgresql
ALTER TABLE decisions ALTER COLUMN checkout_id DROP NOT NULL;
-- end
ALTER TABLE decisions ADD COLUMN purpose TEXT NOT NULL DEFAULT 'purchase';
-- Which of the live policies answered; empty for decisions from before policies were kept here.
ALTER TABLE decisions ADD COLUMN arm TEXT;

ALTER TABLE credit_lines ADD COLUMN decision_id TEXT;

CREATE TABLE policy_versions (
  version TEXT PRIMARY KEY,
  name TEXT NOT NULL,
  document TEXT NOT NULL,
  origin TEXT NOT NULL CHECK (origin IN ('shipped', 'proposed')),
  added_by TEXT NOT NULL,
  added_at TEXT NOT NULL
);

CREATE TABLE policy_proposals (
  id TEXT PRIMARY KEY,
  version TEXT NOT NULL REFERENCES policy_versions (version),
  arm TEXT NOT NULL CHECK (arm IN ('champion', 'challenger')),
  share_bps BIGINT NOT NULL CHECK (share_bps BETWEEN 0 AND 10000),
  proposed_by TEXT NOT NULL,
  proposed_at TEXT NOT NULL,
  note TEXT NOT NULL
);
CREATE INDEX proposals_of_version ON policy_proposals (version);

-- Four eyes: the database itself refuses a publication by the person who proposed it.
CREATE TABLE policy_publications (
  id TEXT PRIMARY KEY,
  proposal_id TEXT NOT NULL UNIQUE REFERENCES policy_proposals (id),
  version TEXT NOT NULL REFERENCES policy_versions (version),
  arm TEXT NOT NULL,
  share_bps BIGINT NOT NULL,
  proposed_by TEXT NOT NULL,
  published_by TEXT NOT NULL,
  published_at TEXT NOT NULL,
  CHECK (proposed_by <> published_by)
);
CREATE INDEX publications_by_arm ON policy_publications (arm, published_at);

CREATE TABLE velocity_facts (
  decision_id TEXT NOT NULL REFERENCES decisions (id),
  kind TEXT NOT NULL CHECK (kind IN ('person', 'phone', 'device', 'store', 'address')),
  key_index TEXT NOT NULL,
  mode TEXT NOT NULL,
  consumer_id TEXT NOT NULL,
  at TEXT NOT NULL,
  PRIMARY KEY (decision_id, kind)
);
CREATE INDEX velocity_by_key ON velocity_facts (kind, key_index, mode, at);
CREATE INDEX velocity_by_age ON velocity_facts (at);

CREATE TABLE block_list (
  id TEXT PRIMARY KEY,
  kind TEXT NOT NULL CHECK (kind IN ('person', 'phone', 'device', 'address')),
  key_index TEXT NOT NULL,
  reason TEXT NOT NULL,
  added_by TEXT NOT NULL,
  added_at TEXT NOT NULL,
  lifted_by TEXT,
  lifted_at TEXT
);
CREATE UNIQUE INDEX one_live_block ON block_list (kind, key_index) WHERE lifted_at IS NULL;

CREATE TABLE quarantined_answers (
  decision_id TEXT NOT NULL REFERENCES decisions (id),
  source TEXT NOT NULL,
  at TEXT NOT NULL,
  reason TEXT NOT NULL,
  body_sealed BLOB NOT NULL,
  PRIMARY KEY (decision_id, source)
);

CREATE TABLE reviewers (
  name TEXT PRIMARY KEY,
  id_number_index TEXT NOT NULL,
  added_at TEXT NOT NULL,
  removed_at TEXT
);

CREATE TABLE reviews (
  id TEXT PRIMARY KEY,
  decision_id TEXT NOT NULL REFERENCES decisions (id),
  checkout_id TEXT,
  consumer_id TEXT NOT NULL REFERENCES consumers (id),
  merchant_id TEXT NOT NULL,
  mode TEXT NOT NULL,
  currency TEXT NOT NULL,
  asked_by TEXT NOT NULL CHECK (asked_by IN ('policy', 'consumer')),
  asked_at TEXT NOT NULL,
  due_at TEXT NOT NULL,
  status TEXT NOT NULL CHECK (status IN ('queued', 'approved', 'declined')),
  version BIGINT NOT NULL,
  reviewer TEXT,
  limit_minor BIGINT NOT NULL DEFAULT 0 CHECK (limit_minor >= 0),
  reason_sealed BLOB,
  decided_at TEXT,
  CHECK ((status = 'queued') = (decided_at IS NULL)),
  CHECK ((status = 'queued') = (reviewer IS NULL))
);
CREATE UNIQUE INDEX one_open_review ON reviews (decision_id) WHERE status = 'queued';
CREATE INDEX reviews_queued ON reviews (due_at) WHERE status = 'queued';
CREATE INDEX reviews_of_consumer ON reviews (consumer_id, currency, decided_at);

-- What was ever a policy stays as it was, for replay.
-- only: sqlite
CREATE TRIGGER policies_fixed_update BEFORE UPDATE ON policy_versions BEGIN SELECT RAISE(ABORT, 'policy versions are never changed'); END;
CREATE TRIGGER policies_fixed_delete BEFORE DELETE ON policy_versions BEGIN SELECT RAISE(ABORT, 'policy versions are never changed'); END;
CREATE TRIGGER publications_fixed_update BEFORE UPDATE ON policy_publications BEGIN SELECT RAISE(ABORT, 'publications are never changed'); END;
CREATE TRIGGER publications_fixed_delete BEFORE DELETE ON policy_publications BEGIN SELECT RAISE(ABORT, 'publications are never changed'); END;
-- end
-- only: postgresql
CREATE TRIGGER policies_fixed BEFORE UPDATE OR DELETE ON policy_versions FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER publications_fixed BEFORE UPDATE OR DELETE ON policy_publications FOR EACH ROW EXECUTE FUNCTION refuse_change();
-- end
