-- Money that arrives is kept with the rows it paid, and a schedule that changes keeps what it was.

ALTER TABLE installments ADD COLUMN penalty_minor BIGINT NOT NULL DEFAULT 0;
ALTER TABLE installments ADD COLUMN principal_paid_minor BIGINT NOT NULL DEFAULT 0;
ALTER TABLE installments ADD COLUMN interest_paid_minor BIGINT NOT NULL DEFAULT 0;
ALTER TABLE installments ADD COLUMN fee_paid_minor BIGINT NOT NULL DEFAULT 0;
ALTER TABLE installments ADD COLUMN penalty_paid_minor BIGINT NOT NULL DEFAULT 0;
UPDATE installments SET principal_paid_minor = principal_minor, interest_paid_minor = interest_minor,
  fee_paid_minor = fee_minor WHERE status = 'paid';

-- The plan as this loan was priced, for schedules that change; empty on loans older than this.
ALTER TABLE loans ADD COLUMN plan TEXT;
ALTER TABLE loans ADD COLUMN penalty_minor BIGINT NOT NULL DEFAULT 0;
ALTER TABLE loans ADD COLUMN penalty_paid_minor BIGINT NOT NULL DEFAULT 0;
-- What was agreed and is not owed any more without being paid; the fee's can be below zero after an early settlement.
ALTER TABLE loans ADD COLUMN relieved_principal_minor BIGINT NOT NULL DEFAULT 0;
ALTER TABLE loans ADD COLUMN relieved_interest_minor BIGINT NOT NULL DEFAULT 0;
ALTER TABLE loans ADD COLUMN relieved_fee_minor BIGINT NOT NULL DEFAULT 0;

-- `id` is the reference of what brought the money: a deduction, a payment.
CREATE TABLE repayments (
  id TEXT PRIMARY KEY,
  merchant_id TEXT NOT NULL,
  loan_id TEXT NOT NULL REFERENCES loans (id),
  kind TEXT NOT NULL CHECK (kind IN ('deduction', 'payment', 'settlement', 'refund', 'recovery')),
  amount_minor BIGINT NOT NULL CHECK (amount_minor > 0),
  excess_minor BIGINT NOT NULL CHECK (excess_minor BETWEEN 0 AND amount_minor),
  currency TEXT NOT NULL,
  received_at TEXT NOT NULL,
  reversed_at TEXT
);
CREATE INDEX repayments_of_loan ON repayments (loan_id);

CREATE TABLE repayment_portions (
  repayment_id TEXT NOT NULL REFERENCES repayments (id),
  loan_id TEXT NOT NULL,
  number BIGINT NOT NULL,
  merchant_id TEXT NOT NULL,
  principal_minor BIGINT NOT NULL CHECK (principal_minor >= 0),
  interest_minor BIGINT NOT NULL CHECK (interest_minor >= 0),
  fee_minor BIGINT NOT NULL CHECK (fee_minor >= 0),
  penalty_minor BIGINT NOT NULL CHECK (penalty_minor >= 0),
  PRIMARY KEY (repayment_id, number),
  FOREIGN KEY (loan_id, number) REFERENCES installments (loan_id, number)
);
CREATE INDEX repayment_portions_of_loan ON repayment_portions (loan_id, number);

-- Deductions that paid before repayments were kept.
INSERT INTO repayments (id, merchant_id, loan_id, kind, amount_minor, excess_minor, currency, received_at, reversed_at)
  SELECT d.id, d.merchant_id, d.loan_id, 'deduction', d.amount_minor,
    COALESCE((SELECT SUM(p.amount_minor) FROM postings p JOIN journal_entries e ON e.id = p.entry_id
      WHERE e.kind = 'repayment' AND e.source_id = d.id AND p.source LIKE 'consumer:%'), 0),
    d.currency, d.requested_at, CASE WHEN d.status = 'reversed' THEN d.requested_at END
  FROM deductions d WHERE d.status IN ('succeeded', 'reversed');
INSERT INTO repayment_portions (repayment_id, loan_id, number, merchant_id,
    principal_minor, interest_minor, fee_minor, penalty_minor)
  SELECT r.id, r.loan_id, d.installment_number, r.merchant_id, i.principal_minor, i.interest_minor, i.fee_minor, 0
  FROM repayments r JOIN deductions d ON d.id = r.id
  JOIN installments i ON i.loan_id = d.loan_id AND i.number = d.installment_number WHERE r.excess_minor < r.amount_minor;

CREATE TABLE schedule_changes (
  id TEXT PRIMARY KEY,
  merchant_id TEXT NOT NULL,
  loan_id TEXT NOT NULL REFERENCES loans (id),
  kind TEXT NOT NULL,
  source_id TEXT NOT NULL,
  actor TEXT NOT NULL,
  reason TEXT NOT NULL,
  before TEXT NOT NULL,
  after TEXT NOT NULL,
  relieved_principal_minor BIGINT NOT NULL,
  relieved_interest_minor BIGINT NOT NULL,
  relieved_fee_minor BIGINT NOT NULL,
  relieved_penalty_minor BIGINT NOT NULL,
  at TEXT NOT NULL,
  UNIQUE (kind, source_id)
);
CREATE INDEX schedule_changes_of_loan ON schedule_changes (loan_id);
