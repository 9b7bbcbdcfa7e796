-- Keys of personal data, and what a person can do on their own page. Indexes are keyed hashes; nothing personal is in clear.

-- Names of the keys that wrap data keys; the keys themselves lie in a file, never here.
CREATE TABLE wrapping_keys (
  id TEXT PRIMARY KEY,
  status TEXT NOT NULL CHECK (status IN ('current', 'retired'))
);
CREATE UNIQUE INDEX one_current_wrapping_key ON wrapping_keys (status) WHERE status = 'current';

-- One key a consumer, one a checkout for what was typed before anybody knew who it was, one for the installation.
-- Dropping a key makes everything under it unreadable; the row stays, so that "erased" can be told from "lost".
CREATE TABLE data_keys (
  id TEXT PRIMARY KEY,
  owner TEXT NOT NULL,
  epoch BIGINT NOT NULL,
  status TEXT NOT NULL CHECK (status IN ('live', 'old', 'erased')),
  wrapping_key_id TEXT NOT NULL,
  wrapped BLOB,
  CHECK ((status = 'erased') = (wrapped IS NULL))
);
CREATE UNIQUE INDEX one_data_key_an_epoch ON data_keys (owner, epoch);
CREATE INDEX data_keys_by_wrapping_key ON data_keys (wrapping_key_id);
CREATE INDEX data_keys_to_leave ON data_keys (epoch) WHERE status = 'live';

-- One row: the epoch whose keys new values are sealed with. Another epoch begins when everything is to be sealed anew.
CREATE TABLE seal_epoch (
  id BIGINT PRIMARY KEY CHECK (id = 1),
  epoch BIGINT NOT NULL CHECK (epoch > 0)
);
INSERT INTO seal_epoch (id, epoch) VALUES (1, 1);

-- What a consumer did stays as it was told; only the key that the person's part is sealed with may change.
-- only: sqlite
DROP TRIGGER consent_events_fixed_update;
CREATE TRIGGER consent_events_fixed_update BEFORE UPDATE OF audit_id, checkout_id, kind, at ON consent_events BEGIN SELECT RAISE(ABORT, 'consent events are never changed'); END;
-- end
-- only: postgresql
DROP TRIGGER consent_events_fixed ON consent_events;
CREATE TRIGGER consent_events_fixed_update BEFORE UPDATE OF audit_id, checkout_id, kind, at ON consent_events FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER consent_events_fixed_delete BEFORE DELETE ON consent_events FOR EACH ROW EXECUTE FUNCTION refuse_change();
-- end

-- The account's token and label are sealed from now on; `fenqi-server keys reseal` seals those of older rows.
ALTER TABLE mandates ADD COLUMN account_sealed BLOB;
ALTER TABLE mandates ADD COLUMN revoked_at TEXT;
CREATE INDEX mandates_of_consumer ON mandates (consumer_id);
CREATE INDEX mandates_revoked ON mandates (revoked_at) WHERE status = 'suspended';
CREATE INDEX agreements_of_consumer ON agreements (consumer_id);
CREATE INDEX checkouts_of_consumer ON checkouts (consumer_id);
CREATE INDEX applicants_by_phone ON applicants (phone_index);
ALTER TABLE consumers ADD COLUMN erased_at TEXT;

-- A code for a number was bound to the number itself.
UPDATE codes SET bound_to = phone_index WHERE purpose = 'phone';

CREATE TABLE erasure_requests (
  consumer_id TEXT PRIMARY KEY REFERENCES consumers (id),
  requested_at TEXT NOT NULL,
  due_on TEXT NOT NULL,
  done_at TEXT
);
CREATE INDEX erasures_due ON erasure_requests (due_on) WHERE done_at IS NULL;

CREATE TABLE complaints (
  id TEXT PRIMARY KEY,
  consumer_id TEXT NOT NULL REFERENCES consumers (id),
  loan_id TEXT REFERENCES loans (id),
  status TEXT NOT NULL CHECK (status IN ('open', 'answered')),
  text_sealed BLOB NOT NULL,
  created_at TEXT NOT NULL,
  due_on TEXT NOT NULL
);
CREATE INDEX complaints_of_consumer ON complaints (consumer_id, id);
CREATE INDEX complaints_open ON complaints (due_on) WHERE status = 'open';

-- One browser on a person's own page; the cookie's secret is kept as a hash.
CREATE TABLE my_visits (
  id TEXT PRIMARY KEY,
  token_hash TEXT NOT NULL UNIQUE,
  phone_index TEXT NOT NULL,
  consumer_id TEXT REFERENCES consumers (id),
  created_at TEXT NOT NULL,
  seen_at TEXT NOT NULL
);
CREATE INDEX my_visits_of_consumer ON my_visits (consumer_id);
CREATE INDEX my_visits_by_age ON my_visits (seen_at);

CREATE TABLE my_codes (
  id TEXT PRIMARY KEY,
  visit_id TEXT NOT NULL REFERENCES my_visits (id),
  bound_to TEXT NOT NULL,
  phone_index TEXT NOT NULL,
  digest TEXT NOT NULL,
  tries BIGINT NOT NULL CHECK (tries BETWEEN 0 AND 5),
  created_at TEXT NOT NULL,
  expires_at TEXT NOT NULL,
  used_at TEXT
);
CREATE INDEX my_codes_of_visit ON my_codes (visit_id, id);

-- One row a code that was sent, for the limits.
CREATE TABLE code_sends (
  id TEXT PRIMARY KEY,
  purpose TEXT NOT NULL,
  phone_index TEXT NOT NULL,
  consumer_id TEXT,
  address_index TEXT,
  at TEXT NOT NULL
);
CREATE INDEX code_sends_by_phone ON code_sends (phone_index, at);
CREATE INDEX code_sends_by_consumer ON code_sends (consumer_id, at);
CREATE INDEX code_sends_by_address ON code_sends (address_index, at);
CREATE INDEX code_sends_by_age ON code_sends (at);

-- The installation's budget: codes sent in each hour, and when the breaker opened in it.
CREATE TABLE code_hours (
  hour TEXT PRIMARY KEY,
  sent BIGINT NOT NULL CHECK (sent > 0),
  opened_at TEXT
);

-- Housekeeping that is done now and then, by one worker at a time.
CREATE TABLE chores (
  name TEXT PRIMARY KEY,
  done_at TEXT NOT NULL
);
