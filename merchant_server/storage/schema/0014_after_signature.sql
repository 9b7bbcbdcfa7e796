-- What happens to a loan after its signature: early settlement, own payments, penalties, and relief by two people.

ALTER TABLE deductions ADD COLUMN purpose TEXT NOT NULL DEFAULT 'installment';
ALTER TABLE deductions ADD COLUMN quote_id TEXT;

CREATE TABLE settlement_quotes (
  id TEXT PRIMARY KEY,
  merchant_id TEXT NOT NULL REFERENCES merchants (id),
  mode TEXT NOT NULL,
  loan_id TEXT NOT NULL REFERENCES loans (id),
  settles_on TEXT NOT NULL,
  before TEXT NOT NULL,
  after TEXT NOT NULL,
  early_settlement_fee_minor BIGINT NOT NULL CHECK (early_settlement_fee_minor >= 0),
  currency TEXT NOT NULL,
  created_at TEXT NOT NULL,
  expires_at TEXT NOT NULL
);
CREATE INDEX settlement_quotes_of_loan ON settlement_quotes (loan_id);

-- The last business day on which the loan's penalties were looked at: each day is charged once.
ALTER TABLE loans ADD COLUMN penalized_on TEXT NOT NULL DEFAULT '';
CREATE INDEX loans_to_penalize ON loans (merchant_id, penalized_on) WHERE status = 'overdue';

-- Relief that one operator proposes and another one grants.
CREATE TABLE relief_proposals (
  id TEXT PRIMARY KEY,
  merchant_id TEXT NOT NULL REFERENCES merchants (id),
  loan_id TEXT NOT NULL REFERENCES loans (id),
  kind TEXT NOT NULL CHECK (kind IN ('waiver', 'write_off', 'extension', 'hardship')),
  terms TEXT NOT NULL,
  reason TEXT NOT NULL,
  status TEXT NOT NULL CHECK (status IN ('proposed', 'approved', 'rejected')),
  proposed_by TEXT NOT NULL,
  proposed_at TEXT NOT NULL,
  decided_by TEXT,
  decided_at TEXT
);
CREATE INDEX relief_proposals_of_loan ON relief_proposals (loan_id);
-- One wish at a time.
CREATE UNIQUE INDEX one_open_relief_proposal ON relief_proposals (loan_id) WHERE status = 'proposed';
