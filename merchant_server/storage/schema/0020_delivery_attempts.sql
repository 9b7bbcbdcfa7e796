-- Every try to push an event, kept beside its delivery and forgotten with it. A delivery that is replayed counts anew.

CREATE TABLE delivery_attempts (
  id TEXT PRIMARY KEY,
  merchant_id TEXT NOT NULL,
  delivery_id TEXT NOT NULL REFERENCES deliveries (id),
  number BIGINT NOT NULL CHECK (number > 0),
  tried_at TEXT NOT NULL,
  took_ms BIGINT NOT NULL CHECK (took_ms >= 0),
  status BIGINT NOT NULL,
  reason TEXT NOT NULL
);
CREATE INDEX delivery_attempts_of_delivery ON delivery_attempts (delivery_id, id);
