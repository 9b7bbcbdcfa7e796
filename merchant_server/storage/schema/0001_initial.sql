-- Times are ISO 8601 UTC text, dates YYYY-MM-DD, money BIGINT minor units, JSON is text.
-- Columns named *_sealed hold AES-256-GCM ciphertext bound to their row; *_index are keyed hashes for look-ups.

CREATE TABLE merchants (
  id TEXT PRIMARY KEY,
  name TEXT NOT NULL,
  legal_name TEXT NOT NULL,
  category TEXT NOT NULL,
  currency TEXT NOT NULL,
  time_zone TEXT NOT NULL,
  fee_bps BIGINT NOT NULL CHECK (fee_bps BETWEEN 0 AND 10000),
  created_at TEXT NOT NULL
);

CREATE TABLE stores (
  id TEXT PRIMARY KEY,
  merchant_id TEXT NOT NULL REFERENCES merchants (id),
  name TEXT NOT NULL
);
CREATE INDEX stores_of_merchant ON stores (merchant_id);

CREATE TABLE tills (
  id TEXT PRIMARY KEY,
  merchant_id TEXT NOT NULL REFERENCES merchants (id),
  store_id TEXT NOT NULL REFERENCES stores (id),
  name TEXT NOT NULL
);
CREATE INDEX tills_of_merchant ON tills (merchant_id);

CREATE TABLE api_keys (
  id TEXT PRIMARY KEY,
  merchant_id TEXT NOT NULL REFERENCES merchants (id),
  mode TEXT NOT NULL CHECK (mode IN ('test', 'live')),
  scopes TEXT NOT NULL,
  hint TEXT NOT NULL,
  key_hash TEXT NOT NULL UNIQUE,
  created_at TEXT NOT NULL,
  revoked_at TEXT
);

CREATE TABLE plans (
  merchant_id TEXT NOT NULL REFERENCES merchants (id),
  mode TEXT NOT NULL,
  id TEXT NOT NULL,
  terms TEXT NOT NULL,
  position BIGINT NOT NULL,
  created_at TEXT NOT NULL,
  PRIMARY KEY (merchant_id, mode, id)
);

CREATE TABLE test_clocks (
  merchant_id TEXT PRIMARY KEY REFERENCES merchants (id),
  offset_seconds BIGINT NOT NULL CHECK (offset_seconds >= 0),
  version BIGINT NOT NULL
);

CREATE TABLE consumers (
  id TEXT PRIMARY KEY,
  id_number_index TEXT NOT NULL UNIQUE,
  person_sealed BLOB NOT NULL,
  created_at TEXT NOT NULL
);

CREATE TABLE credit_lines (
  consumer_id TEXT NOT NULL REFERENCES consumers (id),
  currency TEXT NOT NULL,
  limit_minor BIGINT NOT NULL CHECK (limit_minor >= 0),
  used_minor BIGINT NOT NULL CHECK (used_minor >= 0),
  grade TEXT NOT NULL,
  rate_discount TEXT NOT NULL,
  expires_at TEXT NOT NULL,
  version BIGINT NOT NULL,
  PRIMARY KEY (consumer_id, currency)
);

CREATE TABLE checkouts (
  id TEXT PRIMARY KEY,
  merchant_id TEXT NOT NULL REFERENCES merchants (id),
  mode TEXT NOT NULL,
  status TEXT NOT NULL,
  version BIGINT NOT NULL,
  amount_minor BIGINT NOT NULL CHECK (amount_minor > 0),
  captured_minor BIGINT NOT NULL CHECK (captured_minor BETWEEN 0 AND amount_minor),
  currency TEXT NOT NULL,
  reference TEXT NOT NULL,
  description TEXT NOT NULL,
  return_url TEXT,
  plan_ids TEXT NOT NULL,
  store_id TEXT REFERENCES stores (id),
  till_id TEXT REFERENCES tills (id),
  capture_method TEXT NOT NULL CHECK (capture_method IN ('automatic', 'manual')),
  language TEXT NOT NULL,
  token TEXT NOT NULL UNIQUE,
  created_at TEXT NOT NULL,
  expires_at TEXT NOT NULL,
  claim_hash TEXT,
  consumer_id TEXT REFERENCES consumers (id),
  decision_id TEXT,
  plan_id TEXT,
  agreement_id TEXT,
  loan_id TEXT,
  decline_code TEXT,
  metadata TEXT NOT NULL
);
CREATE INDEX checkouts_of_merchant ON checkouts (merchant_id, mode, id);
CREATE INDEX checkouts_by_reference ON checkouts (merchant_id, mode, reference);
CREATE INDEX checkouts_to_expire ON checkouts (expires_at)
  WHERE status IN ('created', 'opened', 'deciding', 'offered', 'referred', 'signing');

CREATE TABLE transitions (
  aggregate_id TEXT NOT NULL,
  version BIGINT NOT NULL,
  merchant_id TEXT NOT NULL,
  from_state TEXT,
  to_state TEXT NOT NULL,
  reason TEXT NOT NULL,
  at TEXT NOT NULL,
  PRIMARY KEY (aggregate_id, version)
);

CREATE TABLE applicants (
  checkout_id TEXT PRIMARY KEY REFERENCES checkouts (id),
  merchant_id TEXT NOT NULL,
  phone_index TEXT NOT NULL,
  person_sealed BLOB NOT NULL,
  phone_verified_at TEXT
);

CREATE TABLE codes (
  id TEXT PRIMARY KEY,
  purpose TEXT NOT NULL CHECK (purpose IN ('phone', 'sign')),
  checkout_id TEXT NOT NULL REFERENCES checkouts (id),
  bound_to TEXT NOT NULL,
  phone_index TEXT NOT NULL,
  digest TEXT NOT NULL,
  tries BIGINT NOT NULL CHECK (tries BETWEEN 0 AND 5),
  created_at TEXT NOT NULL,
  expires_at TEXT NOT NULL,
  used_at TEXT
);
CREATE INDEX codes_of_checkout ON codes (checkout_id, purpose, id);
CREATE INDEX codes_by_phone ON codes (phone_index, created_at);

CREATE TABLE decisions (
  id TEXT PRIMARY KEY,
  merchant_id TEXT NOT NULL,
  mode TEXT NOT NULL,
  checkout_id TEXT NOT NULL REFERENCES checkouts (id),
  consumer_id TEXT NOT NULL REFERENCES consumers (id),
  outcome TEXT,
  reason TEXT,
  policy_version TEXT,
  record_sealed BLOB,
  requested_at TEXT NOT NULL,
  decided_at TEXT
);
CREATE INDEX decisions_of_consumer ON decisions (consumer_id, decided_at);
CREATE INDEX decisions_unanswered ON decisions (requested_at) WHERE decided_at IS NULL;

CREATE TABLE mandates (
  id TEXT PRIMARY KEY,
  merchant_id TEXT NOT NULL,
  mode TEXT NOT NULL,
  checkout_id TEXT NOT NULL REFERENCES checkouts (id),
  consumer_id TEXT NOT NULL REFERENCES consumers (id),
  status TEXT NOT NULL,
  version BIGINT NOT NULL,
  gateway_account TEXT NOT NULL,
  account_token TEXT NOT NULL,
  account_label TEXT NOT NULL,
  cap_minor BIGINT NOT NULL CHECK (cap_minor > 0),
  currency TEXT NOT NULL,
  created_at TEXT NOT NULL
);
CREATE INDEX mandates_of_checkout ON mandates (checkout_id);

CREATE TABLE agreements (
  id TEXT PRIMARY KEY,
  merchant_id TEXT NOT NULL,
  mode TEXT NOT NULL,
  checkout_id TEXT NOT NULL REFERENCES checkouts (id),
  consumer_id TEXT NOT NULL REFERENCES consumers (id),
  loan_id TEXT NOT NULL UNIQUE,
  mandate_id TEXT NOT NULL REFERENCES mandates (id),
  plan_id TEXT NOT NULL,
  language TEXT NOT NULL,
  status TEXT NOT NULL,
  version BIGINT NOT NULL,
  terms_sealed BLOB NOT NULL,
  shown_sealed BLOB NOT NULL,
  shown_sha256 TEXT NOT NULL,
  shown_at TEXT NOT NULL,
  signed_sealed BLOB,
  signed_sha256 TEXT,
  signed_at TEXT
);
CREATE UNIQUE INDEX one_signature_per_checkout ON agreements (checkout_id) WHERE status = 'signed';

CREATE TABLE loans (
  id TEXT PRIMARY KEY,
  merchant_id TEXT NOT NULL REFERENCES merchants (id),
  mode TEXT NOT NULL,
  checkout_id TEXT NOT NULL UNIQUE REFERENCES checkouts (id),
  agreement_id TEXT NOT NULL UNIQUE REFERENCES agreements (id),
  consumer_id TEXT NOT NULL REFERENCES consumers (id),
  mandate_id TEXT NOT NULL REFERENCES mandates (id),
  plan_id TEXT NOT NULL,
  reference TEXT NOT NULL,
  status TEXT NOT NULL,
  version BIGINT NOT NULL,
  principal_minor BIGINT NOT NULL CHECK (principal_minor > 0),
  interest_minor BIGINT NOT NULL CHECK (interest_minor >= 0),
  fee_minor BIGINT NOT NULL CHECK (fee_minor >= 0),
  paid_minor BIGINT NOT NULL CHECK (paid_minor BETWEEN 0 AND principal_minor + interest_minor + fee_minor),
  currency TEXT NOT NULL,
  signed_on TEXT NOT NULL,
  created_at TEXT NOT NULL
);
CREATE INDEX loans_of_merchant ON loans (merchant_id, mode, id);
CREATE INDEX loans_of_consumer ON loans (consumer_id);

CREATE TABLE installments (
  loan_id TEXT NOT NULL REFERENCES loans (id),
  number BIGINT NOT NULL,
  merchant_id TEXT NOT NULL,
  due_on TEXT NOT NULL,
  collect_on TEXT NOT NULL,
  principal_minor BIGINT NOT NULL CHECK (principal_minor >= 0),
  interest_minor BIGINT NOT NULL CHECK (interest_minor >= 0),
  fee_minor BIGINT NOT NULL CHECK (fee_minor >= 0),
  paid_minor BIGINT NOT NULL CHECK (paid_minor BETWEEN 0 AND principal_minor + interest_minor + fee_minor),
  currency TEXT NOT NULL,
  status TEXT NOT NULL,
  version BIGINT NOT NULL,
  PRIMARY KEY (loan_id, number)
);
CREATE INDEX installments_to_collect ON installments (merchant_id, collect_on)
  WHERE status IN ('scheduled', 'due', 'overdue');

CREATE TABLE deductions (
  id TEXT PRIMARY KEY,
  merchant_id TEXT NOT NULL,
  mode TEXT NOT NULL,
  loan_id TEXT NOT NULL,
  installment_number BIGINT NOT NULL,
  attempt BIGINT NOT NULL,
  mandate_id TEXT NOT NULL REFERENCES mandates (id),
  gateway_account TEXT NOT NULL,
  amount_minor BIGINT NOT NULL CHECK (amount_minor > 0),
  currency TEXT NOT NULL,
  status TEXT NOT NULL,
  version BIGINT NOT NULL,
  code TEXT NOT NULL,
  requested_at TEXT NOT NULL,
  ask_at TEXT NOT NULL,
  UNIQUE (loan_id, installment_number, attempt),
  FOREIGN KEY (loan_id, installment_number) REFERENCES installments (loan_id, number)
);
-- No installment is paid, or being collected, twice at once (law 3).
CREATE UNIQUE INDEX one_live_deduction ON deductions (loan_id, installment_number)
  WHERE status IN ('requested', 'pending');
CREATE INDEX deductions_to_ask ON deductions (ask_at) WHERE status IN ('requested', 'pending');

CREATE TABLE callbacks (
  gateway_account TEXT NOT NULL,
  event_id TEXT NOT NULL,
  received_at TEXT NOT NULL,
  reference TEXT NOT NULL,
  verdict TEXT NOT NULL CHECK (verdict IN ('applied', 'unchanged', 'quarantined')),
  reason TEXT NOT NULL,
  body TEXT NOT NULL,
  PRIMARY KEY (gateway_account, event_id)
);
CREATE INDEX callbacks_by_reference ON callbacks (reference);

CREATE TABLE journal_entries (
  id TEXT PRIMARY KEY,
  merchant_id TEXT NOT NULL,
  kind TEXT NOT NULL,
  source_id TEXT NOT NULL,
  loan_id TEXT,
  occurred_on TEXT NOT NULL,
  created_at TEXT NOT NULL,
  UNIQUE (kind, source_id)
);

CREATE TABLE postings (
  entry_id TEXT NOT NULL REFERENCES journal_entries (id),
  line BIGINT NOT NULL,
  merchant_id TEXT NOT NULL,
  source TEXT NOT NULL,
  target TEXT NOT NULL,
  amount_minor BIGINT NOT NULL CHECK (amount_minor > 0),
  currency TEXT NOT NULL,
  PRIMARY KEY (entry_id, line),
  CHECK (source <> target)
);
CREATE INDEX postings_out ON postings (source);
CREATE INDEX postings_in ON postings (target);

CREATE TABLE event_sequences (
  merchant_id TEXT NOT NULL,
  mode TEXT NOT NULL,
  last BIGINT NOT NULL,
  PRIMARY KEY (merchant_id, mode)
);

CREATE TABLE events (
  id TEXT PRIMARY KEY,
  merchant_id TEXT NOT NULL,
  mode TEXT NOT NULL,
  sequence BIGINT NOT NULL,
  type TEXT NOT NULL,
  aggregate_type TEXT NOT NULL,
  aggregate_id TEXT NOT NULL,
  aggregate_sequence BIGINT NOT NULL,
  body TEXT NOT NULL,
  created_at TEXT NOT NULL,
  UNIQUE (merchant_id, mode, sequence),
  UNIQUE (aggregate_id, aggregate_sequence)
);

CREATE TABLE webhook_endpoints (
  id TEXT PRIMARY KEY,
  merchant_id TEXT NOT NULL REFERENCES merchants (id),
  mode TEXT NOT NULL,
  url TEXT NOT NULL,
  event_types TEXT NOT NULL,
  secret_sealed BLOB NOT NULL,
  status TEXT NOT NULL CHECK (status IN ('active', 'disabled', 'deleted')),
  created_at TEXT NOT NULL
);
CREATE INDEX endpoints_of_merchant ON webhook_endpoints (merchant_id, mode);

CREATE TABLE deliveries (
  id TEXT PRIMARY KEY,
  merchant_id TEXT NOT NULL,
  event_id TEXT NOT NULL REFERENCES events (id),
  endpoint_id TEXT NOT NULL REFERENCES webhook_endpoints (id),
  status TEXT NOT NULL CHECK (status IN ('pending', 'delivered', 'dead')),
  attempts BIGINT NOT NULL,
  due_at TEXT NOT NULL,
  last_status BIGINT,
  last_reason TEXT NOT NULL,
  delivered_at TEXT,
  UNIQUE (event_id, endpoint_id)
);
CREATE INDEX deliveries_due ON deliveries (due_at) WHERE status = 'pending';

CREATE TABLE idempotency_keys (
  merchant_id TEXT NOT NULL,
  mode TEXT NOT NULL,
  key TEXT NOT NULL,
  fingerprint TEXT NOT NULL,
  response_status BIGINT,
  response_sealed BLOB,
  created_at TEXT NOT NULL,
  PRIMARY KEY (merchant_id, mode, key)
);

CREATE TABLE audit (
  id TEXT PRIMARY KEY,
  merchant_id TEXT,
  at TEXT NOT NULL,
  actor TEXT NOT NULL,
  action TEXT NOT NULL,
  subject TEXT NOT NULL,
  detail TEXT NOT NULL
);
CREATE INDEX audit_of_subject ON audit (subject);

-- What is booked or logged is never changed; a correction is a new row (law 1).
-- only: sqlite
CREATE TRIGGER postings_fixed_update BEFORE UPDATE ON postings BEGIN SELECT RAISE(ABORT, 'postings are never changed'); END;
CREATE TRIGGER postings_fixed_delete BEFORE DELETE ON postings BEGIN SELECT RAISE(ABORT, 'postings are never changed'); END;
CREATE TRIGGER entries_fixed_update BEFORE UPDATE ON journal_entries BEGIN SELECT RAISE(ABORT, 'journal entries are never changed'); END;
CREATE TRIGGER entries_fixed_delete BEFORE DELETE ON journal_entries BEGIN SELECT RAISE(ABORT, 'journal entries are never changed'); END;
CREATE TRIGGER audit_fixed_update BEFORE UPDATE ON audit BEGIN SELECT RAISE(ABORT, 'audit rows are never changed'); END;
CREATE TRIGGER audit_fixed_delete BEFORE DELETE ON audit BEGIN SELECT RAISE(ABORT, 'audit rows are never changed'); END;
-- end
-- only: postgresql
CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION '% rows are never changed', TG_TABLE_NAME; END $$;
CREATE TRIGGER postings_fixed BEFORE UPDATE OR DELETE ON postings FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER entries_fixed BEFORE UPDATE OR DELETE ON journal_entries FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER audit_fixed BEFORE UPDATE OR DELETE ON audit FOR EACH ROW EXECUTE FUNCTION refuse_change();
-- end
