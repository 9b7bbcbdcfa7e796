-- What a lost dispute gives back beyond interest.
ALTER TABLE refund_previews ADD COLUMN fee_returned_minor BIGINT NOT NULL DEFAULT 0;
ALTER TABLE refund_previews ADD COLUMN penalty_returned_minor BIGINT NOT NULL DEFAULT 0;

-- Genuine callbacks that said something wrong wait for a person, who says what was done about them.
ALTER TABLE callbacks ADD COLUMN handled_at TEXT;
ALTER TABLE callbacks ADD COLUMN handled_by TEXT;
ALTER TABLE callbacks ADD COLUMN handled_note TEXT;
CREATE INDEX callbacks_to_handle ON callbacks (received_at) WHERE verdict = 'quarantined' AND handled_at IS NULL;

-- What an order is made of, and what each refund takes back of it, as JSON.
ALTER TABLE checkouts ADD COLUMN lines TEXT NOT NULL DEFAULT '[]';
ALTER TABLE refund_previews ADD COLUMN lines TEXT NOT NULL DEFAULT '[]';
ALTER TABLE refunds ADD COLUMN lines TEXT NOT NULL DEFAULT '[]';
