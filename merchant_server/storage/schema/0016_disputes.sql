-- Disputes: what a consumer objects to, what the merchant answers, and who decides; collection rests meanwhile.

CREATE TABLE disputes (
  id TEXT PRIMARY KEY,
  merchant_id TEXT NOT NULL REFERENCES merchants (id),
  mode TEXT NOT NULL,
  loan_id TEXT NOT NULL REFERENCES loans (id),
  checkout_id TEXT NOT NULL REFERENCES checkouts (id),
  consumer_id TEXT NOT NULL REFERENCES consumers (id),
  reason TEXT NOT NULL,
  status TEXT NOT NULL,
  version BIGINT NOT NULL,
  amount_minor BIGINT NOT NULL CHECK (amount_minor > 0),
  refunded_before_minor BIGINT NOT NULL CHECK (refunded_before_minor >= 0),
  currency TEXT NOT NULL,
  opened_by TEXT NOT NULL,
  created_at TEXT NOT NULL,
  answer_due_on TEXT NOT NULL,
  decided_by TEXT,
  refund_id TEXT REFERENCES refunds (id),
  closed_at TEXT,
  statement_sealed BLOB NOT NULL,
  evidence_sealed BLOB,
  ruling_sealed BLOB
);
-- One at a time for a loan.
CREATE UNIQUE INDEX disputes_live ON disputes (loan_id) WHERE status IN ('open', 'evidence_submitted', 'challenged');
CREATE INDEX disputes_of_merchant ON disputes (merchant_id, mode, id);
CREATE INDEX disputes_of_loan ON disputes (loan_id);
CREATE INDEX disputes_of_consumer ON disputes (consumer_id, id);
CREATE INDEX disputes_unanswered ON disputes (merchant_id, answer_due_on) WHERE status IN ('open', 'evidence_submitted');

-- Why nothing is collected of a loan at the moment; empty while it is collected.
ALTER TABLE loans ADD COLUMN collection_paused_reason TEXT;
