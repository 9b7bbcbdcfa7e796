-- Collection: suspension by operators, runs of deductions, notices before them, and payments at the bank's own page.

-- Why an operator lets the collection rest; it outlives a dispute that pauses it as well.
ALTER TABLE loans ADD COLUMN collection_suspended_reason TEXT;

-- The day of collection that the consumer was already told of.
ALTER TABLE installments ADD COLUMN noticed_for TEXT NOT NULL DEFAULT '';
CREATE INDEX installments_to_notice ON installments (merchant_id, collect_on)
  WHERE status = 'scheduled' AND noticed_for <> collect_on;

-- What is told before a deduction: recorded before it is sent, once for an installment and a day.
CREATE TABLE deduction_notices (
  id TEXT PRIMARY KEY,
  merchant_id TEXT NOT NULL REFERENCES merchants (id),
  loan_id TEXT NOT NULL,
  installment_number BIGINT NOT NULL,
  collect_on TEXT NOT NULL,
  amount_minor BIGINT NOT NULL CHECK (amount_minor > 0),
  currency TEXT NOT NULL,
  status TEXT NOT NULL CHECK (status IN ('requested', 'sent', 'refused', 'dropped')),
  created_at TEXT NOT NULL,
  send_at TEXT NOT NULL,
  UNIQUE (loan_id, installment_number, collect_on),
  FOREIGN KEY (loan_id, installment_number) REFERENCES installments (loan_id, number)
);
CREATE INDEX deduction_notices_to_send ON deduction_notices (send_at) WHERE status = 'requested';

-- One run of deductions: what was requested of one merchant's loans on one of its days.
CREATE TABLE deduction_batches (
  id TEXT PRIMARY KEY,
  merchant_id TEXT NOT NULL REFERENCES merchants (id),
  mode TEXT NOT NULL,
  run_on TEXT NOT NULL,
  started_at TEXT NOT NULL,
  UNIQUE (merchant_id, mode, run_on)
);
CREATE INDEX deduction_batches_started ON deduction_batches (started_at);
ALTER TABLE deductions ADD COLUMN batch_id TEXT REFERENCES deduction_batches (id);
CREATE INDEX deductions_of_batch ON deductions (batch_id, status);
-- How many of a merchant's deductions wait for the bank.
CREATE INDEX deductions_under_way ON deductions (merchant_id, status) WHERE status IN ('requested', 'pending');

-- A payment that somebody makes at the bank's own page, by a link or its QR.
CREATE TABLE payment_orders (
  id TEXT PRIMARY KEY,
  merchant_id TEXT NOT NULL REFERENCES merchants (id),
  mode TEXT NOT NULL,
  loan_id TEXT NOT NULL REFERENCES loans (id),
  token TEXT NOT NULL UNIQUE,
  gateway_account TEXT NOT NULL,
  amount_minor BIGINT NOT NULL CHECK (amount_minor > 0),
  currency TEXT NOT NULL,
  status TEXT NOT NULL,
  version BIGINT NOT NULL,
  opened_by TEXT NOT NULL,
  created_at TEXT NOT NULL,
  expires_at TEXT NOT NULL,
  pay_url TEXT,
  ask_at TEXT NOT NULL
);
CREATE INDEX payment_orders_of_loan ON payment_orders (loan_id, id);
CREATE INDEX payment_orders_to_ask ON payment_orders (ask_at) WHERE status IN ('requested', 'pending');

-- The newest quote of a loan.
CREATE INDEX settlement_quotes_newest ON settlement_quotes (loan_id, created_at);

-- A day's run is read in the order it is collected, so that each part of it is found where the last one ended.
DROP INDEX installments_to_collect;
CREATE INDEX installments_by_collection ON installments (merchant_id, collect_on, loan_id)
  WHERE status IN ('scheduled', 'due', 'overdue');
-- What turns overdue when its day has passed.
CREATE INDEX installments_to_age ON installments (merchant_id, due_on) WHERE status = 'due';
