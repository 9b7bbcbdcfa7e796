-- Every row that belongs to a merchant names it, so that a merchant's rows can be kept on one shard.
-- Empty where it is nobody's: a callback that names none of our references.

ALTER TABLE callbacks ADD COLUMN merchant_id TEXT NOT NULL DEFAULT '';
UPDATE callbacks SET merchant_id = COALESCE(
  (SELECT d.merchant_id FROM deductions d WHERE d.id = reference),
  (SELECT o.merchant_id FROM payment_orders o WHERE o.id = reference),
  (SELECT p.merchant_id FROM payouts p WHERE p.id = reference),
  (SELECT r.merchant_id FROM refunds r WHERE r.id = reference),
  (SELECT t.merchant_id FROM transfers t WHERE t.id = reference),
  '');

ALTER TABLE consent_events ADD COLUMN merchant_id TEXT NOT NULL DEFAULT '';
UPDATE consent_events SET merchant_id = (SELECT c.merchant_id FROM checkouts c WHERE c.id = checkout_id);

ALTER TABLE payout_lines ADD COLUMN merchant_id TEXT NOT NULL DEFAULT '';
UPDATE payout_lines SET merchant_id = (SELECT p.merchant_id FROM payouts p WHERE p.id = payout_id);

ALTER TABLE loan_funding ADD COLUMN merchant_id TEXT NOT NULL DEFAULT '';
UPDATE loan_funding SET merchant_id = (SELECT l.merchant_id FROM loans l WHERE l.id = loan_id);

ALTER TABLE funding_shares ADD COLUMN merchant_id TEXT NOT NULL DEFAULT '';
UPDATE funding_shares SET merchant_id = (SELECT e.merchant_id FROM journal_entries e WHERE e.id = entry_id);

ALTER TABLE offline_sales ADD COLUMN merchant_id TEXT NOT NULL DEFAULT '';
UPDATE offline_sales SET merchant_id = (SELECT k.merchant_id FROM till_keys k WHERE k.id = till_key_id);

ALTER TABLE store_codes ADD COLUMN merchant_id TEXT NOT NULL DEFAULT '';
UPDATE store_codes SET merchant_id = (SELECT s.merchant_id FROM stores s WHERE s.id = store_id);
