-- What merchants are paid and when, whose money the loans are, and what the bank's files said.

CREATE TABLE lenders (
  id TEXT PRIMARY KEY,
  name TEXT NOT NULL,
  currency TEXT NOT NULL,
  interest_bps BIGINT NOT NULL CHECK (interest_bps BETWEEN 0 AND 10000),
  created_at TEXT NOT NULL
);

CREATE TABLE settlement_terms (
  merchant_id TEXT PRIMARY KEY REFERENCES merchants (id),
  version BIGINT NOT NULL,
  payout_account TEXT,
  payout_days BIGINT NOT NULL CHECK (payout_days BETWEEN 0 AND 60),
  minimum_minor BIGINT NOT NULL CHECK (minimum_minor > 0),
  reserve_bps BIGINT NOT NULL CHECK (reserve_bps BETWEEN 0 AND 10000),
  reserve_days BIGINT NOT NULL CHECK (reserve_days BETWEEN 0 AND 720),
  funder TEXT NOT NULL,
  paused_code TEXT NOT NULL,
  next_payout_on TEXT NOT NULL
);

-- Terms of one plan that differ from its merchant's.
ALTER TABLE plans ADD COLUMN funder TEXT;

CREATE TABLE payouts (
  id TEXT PRIMARY KEY,
  merchant_id TEXT NOT NULL REFERENCES merchants (id),
  mode TEXT NOT NULL,
  status TEXT NOT NULL,
  version BIGINT NOT NULL,
  amount_minor BIGINT NOT NULL CHECK (amount_minor > 0),
  currency TEXT NOT NULL,
  account TEXT NOT NULL,
  code TEXT NOT NULL,
  payout_on TEXT NOT NULL,
  created_at TEXT NOT NULL,
  settled_at TEXT,
  ask_at TEXT NOT NULL,
  UNIQUE (merchant_id, mode, payout_on)
);
CREATE INDEX payouts_to_ask ON payouts (ask_at) WHERE status = 'pending';

-- What a payout is made of: every entry that touched the merchant's payable account is paid out once.
CREATE TABLE payout_lines (
  entry_id TEXT PRIMARY KEY REFERENCES journal_entries (id),
  payout_id TEXT NOT NULL REFERENCES payouts (id),
  amount_minor BIGINT NOT NULL
);
CREATE INDEX lines_of_payout ON payout_lines (payout_id);

-- Money of a new merchant that is kept back for a while.
CREATE TABLE reserves (
  entry_id TEXT PRIMARY KEY REFERENCES journal_entries (id),
  merchant_id TEXT NOT NULL REFERENCES merchants (id),
  amount_minor BIGINT NOT NULL CHECK (amount_minor > 0),
  currency TEXT NOT NULL,
  release_on TEXT NOT NULL,
  released_at TEXT
);
CREATE INDEX reserves_to_release ON reserves (merchant_id, release_on) WHERE released_at IS NULL;

-- Whose money a loan is, fixed when it was captured; a loan without a row is the house's own.
CREATE TABLE loan_funding (
  loan_id TEXT PRIMARY KEY REFERENCES loans (id),
  funder TEXT NOT NULL,
  interest_bps BIGINT NOT NULL CHECK (interest_bps BETWEEN 0 AND 10000)
);
CREATE INDEX loans_of_funder ON loan_funding (funder);
-- Which entries were shared with the funder.
CREATE TABLE funding_shares (
  entry_id TEXT PRIMARY KEY REFERENCES journal_entries (id),
  share_entry_id TEXT
);

CREATE TABLE bank_files (
  digest TEXT PRIMARY KEY,
  gateway_account TEXT NOT NULL,
  covers_on TEXT NOT NULL,
  received_at TEXT NOT NULL,
  good_lines BIGINT NOT NULL,
  bad_lines BIGINT NOT NULL
);
CREATE TABLE bank_file_lines (
  gateway_account TEXT NOT NULL,
  kind TEXT NOT NULL,
  reference TEXT NOT NULL,
  digest TEXT NOT NULL REFERENCES bank_files (digest),
  line BIGINT NOT NULL,
  amount_minor BIGINT NOT NULL,
  currency TEXT NOT NULL,
  booked_at TEXT NOT NULL,
  PRIMARY KEY (gateway_account, kind, reference)
);

-- What the days had earned and nobody had paid when a merchant's books were closed for a day.
CREATE TABLE daily_closes (
  merchant_id TEXT NOT NULL REFERENCES merchants (id),
  closed_on TEXT NOT NULL,
  accrued_minor BIGINT NOT NULL CHECK (accrued_minor >= 0),
  currency TEXT NOT NULL,
  entry_id TEXT REFERENCES journal_entries (id),
  at TEXT NOT NULL,
  PRIMARY KEY (merchant_id, closed_on)
);

-- A clock that is on its way goes day by day, so that what falls due on the way is done in order.
ALTER TABLE test_clocks ADD COLUMN target_seconds BIGINT;
ALTER TABLE test_clocks ADD COLUMN stepped_at TEXT;

CREATE VIEW trial_balance AS
  SELECT account, currency, CAST(SUM(amount_minor) AS BIGINT) AS balance_minor FROM (
    SELECT target AS account, currency, amount_minor FROM postings
    UNION ALL SELECT source, currency, -amount_minor FROM postings
  ) moves GROUP BY account, currency;

CREATE VIEW loan_statement AS
  SELECT e.loan_id, e.id AS entry_id, p.line, e.occurred_on, e.kind, e.source_id, p.source, p.target,
    p.amount_minor, p.currency,
    CASE WHEN p.target LIKE 'loan:%' THEN p.amount_minor WHEN p.source LIKE 'loan:%' THEN -p.amount_minor ELSE 0 END
      AS owed_change_minor
  FROM journal_entries e JOIN postings p ON p.entry_id = e.id WHERE e.loan_id IS NOT NULL;

CREATE VIEW portfolio AS
  SELECT l.merchant_id, l.mode, l.currency, l.status, COUNT(*) AS loans,
    CAST(SUM(l.principal_minor) AS BIGINT) AS principal_minor,
    CAST(SUM(l.interest_minor) AS BIGINT) AS interest_minor,
    CAST(SUM(l.fee_minor) AS BIGINT) AS fee_minor,
    CAST(SUM(l.penalty_minor) AS BIGINT) AS penalty_minor,
    CAST(SUM(l.paid_minor + l.penalty_paid_minor) AS BIGINT) AS paid_minor,
    CAST(SUM(l.relieved_principal_minor + l.relieved_interest_minor + l.relieved_fee_minor) AS BIGINT)
      AS relieved_minor,
    CAST(SUM(l.principal_minor + l.interest_minor + l.fee_minor + l.penalty_minor - l.paid_minor
      - l.penalty_paid_minor - l.relieved_principal_minor - l.relieved_interest_minor - l.relieved_fee_minor)
      AS BIGINT) AS outstanding_minor
  FROM loans l GROUP BY l.merchant_id, l.mode, l.currency, l.status;
