-- What operators watch, and what a worker clears away.

CREATE INDEX deliveries_done ON deliveries (delivered_at) WHERE status = 'delivered';
CREATE INDEX deductions_by_time ON deductions (requested_at);
CREATE INDEX decisions_by_time ON decisions (decided_at) WHERE decided_at IS NOT NULL;

-- What the checker found each time it ran by itself; imbalance is the sum of all accounts, which is 0 by law.
CREATE TABLE checkups (
  at TEXT PRIMARY KEY,
  breaches BIGINT NOT NULL CHECK (breaches >= 0),
  imbalance_minor BIGINT NOT NULL
);
