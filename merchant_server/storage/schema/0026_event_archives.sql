-- What was taken out of `events` into a file: of each merchant all up to a number. `events` counts what this file holds.

CREATE TABLE event_archives (
  merchant_id TEXT NOT NULL REFERENCES merchants (id),
  mode TEXT NOT NULL,
  up_to BIGINT NOT NULL CHECK (up_to > 0),
  events BIGINT NOT NULL CHECK (events > 0),
  through_month TEXT NOT NULL,
  file_sha256 TEXT NOT NULL,
  archived_at TEXT NOT NULL,
  PRIMARY KEY (merchant_id, mode, up_to)
);
