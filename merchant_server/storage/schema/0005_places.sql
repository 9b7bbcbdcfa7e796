-- The place of a merchant decides which disclosure its consumers must see. ISO 4217 codes begin with their country's.

ALTER TABLE merchants ADD COLUMN place TEXT NOT NULL DEFAULT '';
UPDATE merchants SET place = substr(currency, 1, 2);
