-- What a lost dispute gives back beyond interest.
ALTER TABLE refund_previews ADD COLUMN fee_returned_minor BIGINT NOT NULL DEFAULT 0;
ALTER TABLE refund_previews ADD COLUMN penalty_returned_minor BIGINT NOT NULL DEFAULT 0;
