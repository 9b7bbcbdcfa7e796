-- Money that goes to and from others than merchants: back to consumers, and between us and lenders.

CREATE TABLE transfers (
  id TEXT PRIMARY KEY,
  merchant_id TEXT NOT NULL REFERENCES merchants (id),
  mode TEXT NOT NULL,
  kind TEXT NOT NULL CHECK (kind IN ('money_return', 'lender_payout', 'lender_drawing')),
  status TEXT NOT NULL,
  version BIGINT NOT NULL,
  -- The consumer or the lender.
  owner_id TEXT NOT NULL,
  loan_id TEXT REFERENCES loans (id),
  amount_minor BIGINT NOT NULL CHECK (amount_minor > 0),
  currency TEXT NOT NULL,
  -- The mandate whose account gets its money back, or the lender's account.
  channel TEXT NOT NULL,
  ordered_by TEXT NOT NULL,
  ordered_on TEXT NOT NULL,
  code TEXT NOT NULL,
  created_at TEXT NOT NULL,
  settled_at TEXT,
  ask_at TEXT NOT NULL
);
CREATE INDEX transfers_to_ask ON transfers (ask_at) WHERE status = 'pending';
CREATE INDEX transfers_of_owner ON transfers (owner_id);
-- One at a time, so that no money is ordered twice.
CREATE UNIQUE INDEX one_money_return_of_loan ON transfers (loan_id) WHERE status = 'pending' AND kind = 'money_return';
CREATE UNIQUE INDEX one_transfer_of_lender ON transfers (merchant_id, owner_id, kind)
  WHERE status = 'pending' AND kind <> 'money_return';

-- Where a lender is paid and money is drawn from; why the bank refused it.
ALTER TABLE lenders ADD COLUMN account TEXT;
ALTER TABLE lenders ADD COLUMN paused_code TEXT NOT NULL DEFAULT '';

CREATE INDEX repayments_with_excess ON repayments (merchant_id, loan_id) WHERE excess_minor > 0;
-- What moved money at the bank, in the order of booking: the bank's file is held against it.
CREATE INDEX entries_at_bank ON journal_entries (created_at)
  WHERE kind IN ('repayment', 'reversal', 'payout_paid', 'money_back', 'money_return_succeeded',
    'lender_payout_succeeded', 'lender_drawing_succeeded');
