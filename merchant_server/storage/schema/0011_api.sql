-- What integrators see: places that can be closed, keys of several kinds, webhooks that can be looked into, feeds that are acknowledged.

ALTER TABLE stores ADD COLUMN status TEXT NOT NULL DEFAULT 'open' CHECK (status IN ('open', 'closed'));
ALTER TABLE tills ADD COLUMN status TEXT NOT NULL DEFAULT 'open' CHECK (status IN ('open', 'closed'));

ALTER TABLE api_keys ADD COLUMN kind TEXT NOT NULL DEFAULT 'secret' CHECK (kind IN ('secret', 'publishable', 'till'));
ALTER TABLE api_keys ADD COLUMN name TEXT NOT NULL DEFAULT '';
-- The version of the API that a caller gets who names none.
ALTER TABLE api_keys ADD COLUMN version TEXT NOT NULL DEFAULT '2026-11-01';
ALTER TABLE api_keys ADD COLUMN till_id TEXT REFERENCES tills (id);
-- Set when a successor was made: until then both are alive.
ALTER TABLE api_keys ADD COLUMN expires_at TEXT;
ALTER TABLE api_keys ADD COLUMN last_used_at TEXT;
CREATE INDEX keys_of_merchant ON api_keys (merchant_id, mode, id);

ALTER TABLE webhook_endpoints ADD COLUMN description TEXT NOT NULL DEFAULT '';
ALTER TABLE webhook_endpoints ADD COLUMN reason TEXT NOT NULL DEFAULT '';
-- Until then the secret before the present one signs too; both lie in secret_sealed, newest first.
ALTER TABLE webhook_endpoints ADD COLUMN overlap_until TEXT;
-- Numbers the events about the endpoint itself.
ALTER TABLE webhook_endpoints ADD COLUMN version BIGINT NOT NULL DEFAULT 0;

ALTER TABLE deliveries ADD COLUMN tried_at TEXT;
ALTER TABLE deliveries ADD COLUMN took_ms BIGINT;
CREATE INDEX deliveries_of_endpoint ON deliveries (endpoint_id, id);
CREATE INDEX deliveries_due_of_endpoint ON deliveries (endpoint_id, due_at) WHERE status = 'pending';

-- How far each named reader of a merchant's feed has got.
CREATE TABLE event_readers (
  merchant_id TEXT NOT NULL REFERENCES merchants (id),
  mode TEXT NOT NULL,
  name TEXT NOT NULL,
  sequence BIGINT NOT NULL CHECK (sequence >= 0),
  acknowledged_at TEXT NOT NULL,
  PRIMARY KEY (merchant_id, mode, name)
);

-- When a kept answer may be forgotten; never, where money moved.
ALTER TABLE idempotency_keys ADD COLUMN expires_at TEXT;
CREATE INDEX idempotency_keys_over ON idempotency_keys (expires_at) WHERE expires_at IS NOT NULL;
