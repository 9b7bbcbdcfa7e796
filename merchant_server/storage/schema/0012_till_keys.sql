-- Tills that sell without network: the public half of their keys, the merchant's bounds, and what phones brought.

CREATE TABLE till_keys (
  id TEXT PRIMARY KEY,
  merchant_id TEXT NOT NULL REFERENCES merchants (id),
  mode TEXT NOT NULL CHECK (mode IN ('test', 'live')),
  till_id TEXT NOT NULL REFERENCES tills (id),
  public_keys TEXT NOT NULL,
  fingerprint TEXT NOT NULL UNIQUE,
  sale_minor_max BIGINT NOT NULL CHECK (sale_minor_max > 0),
  day_count_max BIGINT NOT NULL CHECK (day_count_max > 0),
  day_minor_max BIGINT NOT NULL CHECK (day_minor_max > 0),
  valid_seconds BIGINT NOT NULL CHECK (valid_seconds > 0),
  plan_ids TEXT NOT NULL,
  created_at TEXT NOT NULL,
  revoked_at TEXT
);
CREATE INDEX till_keys_of_merchant ON till_keys (merchant_id);

-- A nonce is used once, so a code that is opened again leads to the same checkout or nowhere.
CREATE TABLE offline_sales (
  till_key_id TEXT NOT NULL REFERENCES till_keys (id),
  nonce TEXT NOT NULL,
  digest TEXT NOT NULL,
  checkout_id TEXT NOT NULL UNIQUE REFERENCES checkouts (id),
  day TEXT NOT NULL,
  amount_minor BIGINT NOT NULL CHECK (amount_minor > 0),
  currency TEXT NOT NULL,
  issued_at TEXT NOT NULL,
  accepted_at TEXT NOT NULL,
  PRIMARY KEY (till_key_id, nonce)
);
CREATE INDEX offline_sales_by_day ON offline_sales (till_key_id, day);

-- What is printed on a store's sticker; it opens the store's page and nothing that can be paid.
CREATE TABLE store_codes (
  code TEXT PRIMARY KEY,
  store_id TEXT NOT NULL UNIQUE REFERENCES stores (id),
  created_at TEXT NOT NULL
);
