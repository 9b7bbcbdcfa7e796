-- A signature whose timestamp authority was down may wait for its timestamp; what was signed before has its own.

ALTER TABLE agreements ADD COLUMN timestamp_status TEXT;
ALTER TABLE agreements ADD COLUMN timestamp_tries BIGINT NOT NULL DEFAULT 0;
ALTER TABLE agreements ADD COLUMN timestamp_next_at TEXT;
UPDATE agreements SET timestamp_status = 'stamped' WHERE status = 'signed';
CREATE INDEX agreements_to_stamp ON agreements (timestamp_next_at) WHERE timestamp_status = 'pending';
