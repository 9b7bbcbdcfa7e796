-- What is booked of the cash-back that a plan promised for a repaid loan.

CREATE TABLE cash_backs (
  loan_id TEXT PRIMARY KEY REFERENCES loans (id),
  merchant_id TEXT NOT NULL REFERENCES merchants (id),
  version BIGINT NOT NULL,
  bps BIGINT NOT NULL CHECK (bps BETWEEN 1 AND 10000),
  amount_minor BIGINT NOT NULL CHECK (amount_minor >= 0),
  currency TEXT NOT NULL
);
CREATE INDEX cash_backs_of_merchant ON cash_backs (merchant_id);
