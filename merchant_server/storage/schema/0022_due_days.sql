-- What a worker looks for at each of its turns is found without walking what is not due.

CREATE INDEX installments_late ON installments (merchant_id, due_on) WHERE status = 'due';
CREATE INDEX agreements_of_mandate ON agreements (mandate_id);
CREATE INDEX mandates_pending ON mandates (checkout_id) WHERE status = 'pending';
CREATE INDEX checkouts_voided ON checkouts (id) WHERE status = 'voided';
