-- Refunds: what was shown before, what was done, and the money on its way back.

CREATE TABLE refund_previews (
  id TEXT PRIMARY KEY,
  merchant_id TEXT NOT NULL REFERENCES merchants (id),
  mode TEXT NOT NULL,
  loan_id TEXT NOT NULL REFERENCES loans (id),
  loan_version BIGINT NOT NULL,
  refunded_before_minor BIGINT NOT NULL,
  strategy TEXT NOT NULL,
  amount_minor BIGINT NOT NULL CHECK (amount_minor > 0),
  currency TEXT NOT NULL,
  principal_relieved_minor BIGINT NOT NULL,
  owed_paid_minor BIGINT NOT NULL,
  interest_given_back_minor BIGINT NOT NULL,
  fee_given_back_minor BIGINT NOT NULL,
  interest_returned_minor BIGINT NOT NULL,
  merchant_fee_returned_minor BIGINT NOT NULL,
  before TEXT NOT NULL,
  after TEXT NOT NULL,
  paid TEXT NOT NULL,
  created_at TEXT NOT NULL,
  expires_at TEXT NOT NULL
);
CREATE INDEX refund_previews_of_loan ON refund_previews (loan_id);

CREATE TABLE refunds (
  id TEXT PRIMARY KEY,
  merchant_id TEXT NOT NULL REFERENCES merchants (id),
  mode TEXT NOT NULL,
  loan_id TEXT NOT NULL REFERENCES loans (id),
  checkout_id TEXT NOT NULL REFERENCES checkouts (id),
  -- A preview is committed once.
  preview_id TEXT NOT NULL UNIQUE REFERENCES refund_previews (id),
  status TEXT NOT NULL,
  version BIGINT NOT NULL,
  strategy TEXT NOT NULL,
  amount_minor BIGINT NOT NULL CHECK (amount_minor > 0),
  to_consumer_minor BIGINT NOT NULL CHECK (to_consumer_minor >= 0),
  from_merchant_minor BIGINT NOT NULL CHECK (from_merchant_minor >= 0),
  interest_given_back_minor BIGINT NOT NULL,
  currency TEXT NOT NULL,
  reference TEXT NOT NULL,
  code TEXT NOT NULL,
  created_at TEXT NOT NULL,
  ask_at TEXT NOT NULL
);
CREATE INDEX refunds_of_merchant ON refunds (merchant_id, mode, id);
CREATE INDEX refunds_of_loan ON refunds (loan_id);
CREATE INDEX refunds_to_ask ON refunds (ask_at) WHERE status = 'pending';

-- Captures in parts: what is left can be voided, or lapses.
ALTER TABLE checkouts ADD COLUMN voided_minor BIGINT NOT NULL DEFAULT 0;
ALTER TABLE checkouts ADD COLUMN authorized_until TEXT;
ALTER TABLE checkouts ADD COLUMN expiry_announced_at TEXT;
CREATE INDEX checkouts_to_lapse ON checkouts (authorized_until)
  WHERE authorized_until IS NOT NULL AND status IN ('authorized', 'captured');
