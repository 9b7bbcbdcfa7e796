-- "How much could I spend?": what one browser asked before there was a cart. The number that was typed is sealed, and
-- forgotten with its key once it is decided; what finds the row is a keyed hash, and the cookie's secret is kept as a hash.
-- The decision and the review of such a case belong to no merchant: their merchant_id is empty.
CREATE TABLE preapprovals (
  id TEXT PRIMARY KEY,
  token_hash TEXT NOT NULL UNIQUE,
  phone_index TEXT NOT NULL,
  phone_sealed BLOB,
  phone_verified_at TEXT,
  consumer_id TEXT REFERENCES consumers (id),
  decision_id TEXT REFERENCES decisions (id),
  created_at TEXT NOT NULL,
  seen_at TEXT NOT NULL
);
CREATE INDEX preapprovals_by_phone ON preapprovals (phone_index);
CREATE INDEX preapprovals_of_consumer ON preapprovals (consumer_id);
CREATE INDEX preapprovals_by_age ON preapprovals (seen_at);

CREATE TABLE preapproval_codes (
  id TEXT PRIMARY KEY,
  preapproval_id TEXT NOT NULL REFERENCES preapprovals (id),
  bound_to TEXT NOT NULL,
  phone_index TEXT NOT NULL,
  digest TEXT NOT NULL,
  tries BIGINT NOT NULL CHECK (tries BETWEEN 0 AND 5),
  created_at TEXT NOT NULL,
  expires_at TEXT NOT NULL,
  used_at TEXT
);
CREATE INDEX preapproval_codes_of_one ON preapproval_codes (preapproval_id, id);
