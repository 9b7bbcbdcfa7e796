"""Laws 1 to 4 as queries: books, debts, repayments, captures, refunds and payouts."""

MONEY_LAWS: tuple[tuple[str, str], ...] = (
    (
        "1 an entry has postings",
        "SELECT e.id AS subject, e.kind AS detail FROM journal_entries e"
        " WHERE NOT EXISTS (SELECT 1 FROM postings p WHERE p.entry_id = e.id)",
    ),
    (
        # What leaves one account enters another, so sums are zero by shape; this is the shape.
        "1 a posting moves a positive amount between two accounts, in its entry's books",
        "SELECT p.entry_id || '/' || p.line AS subject, p.amount_minor || ' from ' || p.source || ' to ' || p.target"
        " AS detail FROM postings p LEFT JOIN journal_entries e ON e.id = p.entry_id"
        " LEFT JOIN loans l ON l.id = e.loan_id WHERE p.amount_minor <= 0 OR p.source = p.target OR e.id IS NULL"
        " OR e.merchant_id <> p.merchant_id OR COALESCE(l.currency, p.currency) <> p.currency",
    ),
    (
        "1 a payout is what its lines owe, and each line is what its entry owes",
        "SELECT o.id AS subject, o.amount_minor || ' with lines of ' || COALESCE(SUM(l.amount_minor), 0) AS detail"
        " FROM payouts o LEFT JOIN payout_lines l ON l.payout_id = o.id GROUP BY o.id, o.amount_minor"
        " HAVING o.amount_minor <> COALESCE(SUM(l.amount_minor), 0)"
        " UNION ALL SELECT l.entry_id, l.amount_minor || ' of ' || b.owed FROM payout_lines l"
        " JOIN payouts o ON o.id = l.payout_id JOIN (SELECT p.entry_id, p.merchant_id,"
        " SUM(CASE WHEN p.source = 'merchant:' || p.merchant_id || ':payable' THEN p.amount_minor"
        " WHEN p.target = 'merchant:' || p.merchant_id || ':payable' THEN -p.amount_minor ELSE 0 END) AS owed"
        " FROM postings p GROUP BY p.entry_id, p.merchant_id) b ON b.entry_id = l.entry_id"
        " WHERE b.owed <> l.amount_minor OR b.merchant_id <> o.merchant_id",
    ),
    (
        "1 a payout is booked as it stands: begun, and then paid or returned once",
        "SELECT o.id AS subject, o.status || ' with ' || COUNT(p.entry_id) || ' entries' AS detail FROM payouts o"
        " LEFT JOIN journal_entries e ON e.source_id = o.id AND e.kind IN ('payout', 'payout_' || o.status)"
        " LEFT JOIN postings p ON p.entry_id = e.id AND p.amount_minor = o.amount_minor"
        " LEFT JOIN journal_entries x ON x.source_id = o.id AND x.kind NOT IN ('payout', 'payout_' || o.status)"
        " GROUP BY o.id, o.status HAVING COUNT(x.id) > 0"
        " OR COUNT(p.entry_id) <> CASE WHEN o.status = 'pending' THEN 1 ELSE 2 END",
    ),
    (
        "1 a transfer is booked as it stands: begun, and then done or undone once",
        "SELECT t.id AS subject, t.status || ' with ' || COUNT(p.entry_id) || ' entries' AS detail FROM transfers t"
        " LEFT JOIN journal_entries e ON e.source_id = t.id AND e.kind IN (t.kind, t.kind || '_' || t.status)"
        " LEFT JOIN postings p ON p.entry_id = e.id AND p.amount_minor = t.amount_minor"
        " LEFT JOIN journal_entries x ON x.source_id = t.id AND x.kind NOT IN (t.kind, t.kind || '_' || t.status)"
        " GROUP BY t.id, t.status HAVING COUNT(x.id) > 0"
        " OR COUNT(p.entry_id) <> CASE WHEN t.status = 'pending' THEN 1 ELSE 2 END",
    ),
    (
        "1 what is kept back of merchants is what their reserve accounts hold",
        "SELECT m.id AS subject, 'kept ' || COALESCE(k.kept, 0) || ' books ' || COALESCE(b.owed, 0) AS detail"
        " FROM merchants m LEFT JOIN (SELECT merchant_id, SUM(amount_minor) AS kept FROM reserves"
        " WHERE released_at IS NULL GROUP BY merchant_id) k ON k.merchant_id = m.id"
        " LEFT JOIN (SELECT merchant_id, SUM(CASE WHEN source LIKE 'merchant:%:reserve' THEN amount_minor ELSE 0 END)"
        " - SUM(CASE WHEN target LIKE 'merchant:%:reserve' THEN amount_minor ELSE 0 END) AS owed"
        " FROM postings GROUP BY merchant_id) b ON b.merchant_id = m.id"
        " WHERE COALESCE(k.kept, 0) <> COALESCE(b.owed, 0)",
    ),
    (
        "2 interest that was accrued is what the last close says",
        "SELECT m.id AS subject, 'closed with ' || COALESCE(c.accrued_minor, 0) || ', booked ' || COALESCE(b.moved, 0)"
        " AS detail FROM merchants m LEFT JOIN daily_closes c ON c.merchant_id = m.id AND c.closed_on ="
        " (SELECT MAX(x.closed_on) FROM daily_closes x WHERE x.merchant_id = m.id)"
        " LEFT JOIN (SELECT e.merchant_id, SUM(CASE WHEN p.source = 'income:interest:earned' THEN p.amount_minor"
        " ELSE -p.amount_minor END) AS moved FROM journal_entries e JOIN postings p ON p.entry_id = e.id"
        " WHERE e.kind = 'accrual' GROUP BY e.merchant_id) b ON b.merchant_id = m.id"
        " WHERE COALESCE(c.accrued_minor, 0) <> COALESCE(b.moved, 0)",
    ),
    (
        "2 a schedule sums to the agreed total less what was relieved",
        "SELECT l.id AS subject, 'installments ' || SUM(i.principal_minor) || '+' || SUM(i.interest_minor) || '+'"
        " || SUM(i.fee_minor) AS detail FROM loans l JOIN installments i ON i.loan_id = l.id"
        " GROUP BY l.id, l.principal_minor, l.interest_minor, l.fee_minor, l.relieved_principal_minor,"
        " l.relieved_interest_minor, l.relieved_fee_minor, l.penalty_minor, l.penalty_paid_minor"
        " HAVING SUM(i.principal_minor) <> l.principal_minor - l.relieved_principal_minor"
        " OR SUM(i.interest_minor) <> l.interest_minor - l.relieved_interest_minor"
        " OR SUM(i.fee_minor) <> l.fee_minor - l.relieved_fee_minor"
        " OR SUM(i.penalty_minor) <> l.penalty_minor OR SUM(i.penalty_paid_minor) <> l.penalty_paid_minor",
    ),
    (
        "2 what was relieved is what the changes of the schedule say",
        "SELECT l.id AS subject, l.relieved_principal_minor || '+' || l.relieved_interest_minor || '+'"
        " || l.relieved_fee_minor AS detail FROM loans l"
        " LEFT JOIN schedule_changes c ON c.loan_id = l.id"
        " GROUP BY l.id, l.relieved_principal_minor, l.relieved_interest_minor, l.relieved_fee_minor, l.penalty_minor"
        " HAVING COALESCE(SUM(c.relieved_principal_minor), 0) <> l.relieved_principal_minor"
        " OR COALESCE(SUM(c.relieved_interest_minor), 0) <> l.relieved_interest_minor"
        " OR COALESCE(SUM(c.relieved_fee_minor), 0) <> l.relieved_fee_minor"
        " OR COALESCE(SUM(c.relieved_penalty_minor), 0) <> -l.penalty_minor",
    ),
    (
        "2 what each account of a loan holds is what its installments leave open",
        "SELECT i.loan_id AS subject, i.part || ' rows ' || i.owed || ' books ' || COALESCE(b.owed, 0) AS detail FROM ("
        + " UNION ALL ".join(
            f"SELECT loan_id, '{part}' AS part, 'loan:' || loan_id || ':{part}' AS account,"
            f" SUM({part}_minor - {part}_paid_minor) AS owed FROM installments GROUP BY loan_id"
            for part in ("principal", "interest", "fee", "penalty")
        )
        + ") i LEFT JOIN (SELECT account, SUM(amount) AS owed FROM ("
        "SELECT target AS account, amount_minor AS amount FROM postings WHERE target LIKE 'loan:%'"
        " UNION ALL SELECT source, -amount_minor FROM postings WHERE source LIKE 'loan:%') moves GROUP BY account) b"
        " ON b.account = i.account WHERE i.owed <> COALESCE(b.owed, 0)",
    ),
    (
        "2 what a loan says was paid is what its installments say",
        "SELECT l.id AS subject, 'loan ' || l.paid_minor || ' installments ' || SUM(i.paid_minor) AS detail"
        " FROM loans l JOIN installments i ON i.loan_id = l.id GROUP BY l.id, l.paid_minor"
        " HAVING SUM(i.paid_minor) <> l.paid_minor"
        " OR SUM(i.principal_paid_minor + i.interest_paid_minor + i.fee_paid_minor) <> l.paid_minor",
    ),
    (
        "2 repaid means that nothing is owed",
        "SELECT id AS subject, 'paid ' || paid_minor AS detail FROM loans"
        " WHERE status IN ('repaid', 'refunded') AND paid_minor + relieved_principal_minor + relieved_interest_minor"
        " + relieved_fee_minor + penalty_paid_minor <> principal_minor + interest_minor + fee_minor + penalty_minor",
    ),
    (
        "3 an installment is over when nothing of it is owed, and not before",
        "SELECT loan_id || '/' || number AS subject, status || ', paid ' || paid_minor AS detail FROM installments"
        " WHERE (status IN ('paid', 'waived', 'refunded', 'replaced')) <> (principal_minor + interest_minor + fee_minor"
        " + penalty_minor = principal_paid_minor + interest_paid_minor + fee_paid_minor + penalty_paid_minor)"
        " OR principal_paid_minor > principal_minor OR interest_paid_minor > interest_minor"
        " OR fee_paid_minor > fee_minor OR penalty_paid_minor > penalty_minor",
    ),
    (
        "3 an installment holds what its repayments brought, once",
        "SELECT i.loan_id || '/' || i.number AS subject, 'row ' || i.paid_minor AS detail FROM installments i"
        " LEFT JOIN (SELECT p.loan_id, p.number, SUM(p.principal_minor) AS principal,"
        " SUM(p.interest_minor) AS interest, SUM(p.fee_minor) AS fee, SUM(p.penalty_minor) AS penalty"
        " FROM repayment_portions p"
        " JOIN repayments r ON r.id = p.repayment_id WHERE r.reversed_at IS NULL GROUP BY p.loan_id, p.number) s"
        " ON s.loan_id = i.loan_id AND s.number = i.number"
        " WHERE i.principal_paid_minor <> COALESCE(s.principal, 0) OR i.interest_paid_minor <> COALESCE(s.interest, 0)"
        " OR i.fee_paid_minor <> COALESCE(s.fee, 0) OR i.penalty_paid_minor <> COALESCE(s.penalty, 0)",
    ),
    (
        "3 a repayment's amount is its portions and its excess, and is booked as such",
        "SELECT r.id AS subject, r.amount_minor || ' = ' || COALESCE(p.paid, 0) || ' + ' || r.excess_minor AS detail"
        " FROM repayments r LEFT JOIN (SELECT repayment_id, SUM(principal_minor + interest_minor + fee_minor"
        " + penalty_minor) AS paid FROM repayment_portions GROUP BY repayment_id) p ON p.repayment_id = r.id"
        " LEFT JOIN (SELECT e.source_id, SUM(g.amount_minor) AS booked FROM journal_entries e"
        " JOIN postings g ON g.entry_id = e.id WHERE e.kind = 'repayment'"
        " AND (g.target = 'bank:cash' OR g.target LIKE 'merchant:%:payable') GROUP BY e.source_id) b"
        " ON b.source_id = r.id"
        " WHERE (r.kind <> 'recovery' AND r.amount_minor <> COALESCE(p.paid, 0) + r.excess_minor)"
        " OR COALESCE(b.booked, 0) <> r.amount_minor",
    ),
    (
        "3 what was recovered is booked as such, and is at most what was written off",
        "SELECT r.loan_id AS subject, 'recovered ' || r.came || ' of ' || COALESCE(w.lost, 0) || ', booked '"
        " || COALESCE(b.booked, 0) AS detail FROM (SELECT loan_id,"
        " SUM(CASE WHEN reversed_at IS NULL THEN amount_minor - excess_minor ELSE 0 END) AS came,"
        " SUM(amount_minor - excess_minor) AS ever FROM repayments WHERE kind = 'recovery' GROUP BY loan_id) r"
        " LEFT JOIN (SELECT loan_id, SUM(relieved_principal_minor + relieved_interest_minor + relieved_fee_minor"
        " + relieved_penalty_minor) AS lost FROM schedule_changes WHERE kind = 'write_off' GROUP BY loan_id) w"
        " ON w.loan_id = r.loan_id"
        " LEFT JOIN (SELECT e.loan_id, SUM(p.amount_minor) AS booked FROM journal_entries e JOIN postings p"
        " ON p.entry_id = e.id WHERE e.kind = 'repayment' AND p.source = 'income:recovery' GROUP BY e.loan_id) b"
        " ON b.loan_id = r.loan_id WHERE r.came > COALESCE(w.lost, 0) OR r.ever <> COALESCE(b.booked, 0)",
    ),
    (
        "3 every deduction that succeeded is booked once, and no other",
        "SELECT d.id AS subject, d.status AS detail FROM deductions d"
        " LEFT JOIN journal_entries e ON e.kind = 'repayment' AND e.source_id = d.id"
        " WHERE (d.status IN ('succeeded', 'reversed')) <> (e.id IS NOT NULL)",
    ),
    (
        "3 every payment order that was paid is booked once with its amount, and no other",
        "SELECT o.id AS subject, o.status || ' ' || o.amount_minor || ' booked ' || COALESCE(r.amount_minor, 0)"
        " AS detail FROM payment_orders o LEFT JOIN repayments r ON r.id = o.id"
        " LEFT JOIN journal_entries e ON e.kind = 'repayment' AND e.source_id = o.id"
        " WHERE (o.status = 'paid') <> (e.id IS NOT NULL) OR (o.status = 'paid')"
        " <> (COALESCE(r.amount_minor, -1) = o.amount_minor)",
    ),
    (
        "3 every reversal is booked once",
        "SELECT d.id AS subject, d.status AS detail FROM deductions d"
        " LEFT JOIN journal_entries e ON e.kind = 'reversal' AND e.source_id = d.id"
        " WHERE (d.status = 'reversed') <> (e.id IS NOT NULL)",
    ),
    (
        "3 what a bank collected is what the books received",
        "SELECT d.id AS subject, 'asked ' || d.amount_minor || ' booked ' || SUM(p.amount_minor) AS detail"
        " FROM deductions d JOIN journal_entries e ON e.kind = 'repayment' AND e.source_id = d.id"
        " JOIN postings p ON p.entry_id = e.id AND p.target = 'bank:cash'"
        " GROUP BY d.id, d.amount_minor HAVING SUM(p.amount_minor) <> d.amount_minor",
    ),
    (
        # In parts, so that no product of an amount leaves the whole numbers of the engine.
        "3 a cash-back is booked as it stands, and is at most what its plan gives of the principal",
        "SELECT c.loan_id AS subject, c.amount_minor || ' booked ' || COALESCE(b.given, 0) AS detail FROM cash_backs c"
        " JOIN loans l ON l.id = c.loan_id LEFT JOIN (SELECT e.loan_id, SUM(CASE WHEN p.source LIKE 'consumer:%'"
        " THEN p.amount_minor ELSE -p.amount_minor END) AS given FROM journal_entries e JOIN postings p"
        " ON p.entry_id = e.id WHERE e.kind IN ('cash_back', 'cash_back_taken') GROUP BY e.loan_id) b"
        " ON b.loan_id = c.loan_id WHERE c.amount_minor <> COALESCE(b.given, 0) OR c.amount_minor >"
        " l.principal_minor / 10000 * c.bps + ((l.principal_minor - l.principal_minor / 10000 * 10000) * c.bps + 5000)"
        " / 10000"
        " UNION ALL SELECT e.loan_id, e.kind || ' of no cash-back' FROM journal_entries e"
        " WHERE e.kind IN ('cash_back', 'cash_back_taken')"
        " AND NOT EXISTS (SELECT 1 FROM cash_backs c WHERE c.loan_id = e.loan_id)",
    ),
    (
        "4 captured and voided are at most signed",
        "SELECT id AS subject, captured_minor || '+' || voided_minor || ' of ' || amount_minor AS detail FROM checkouts"
        " WHERE captured_minor + voided_minor > amount_minor"
        " OR (captured_minor > 0 AND status NOT IN ('captured', 'closed'))",
    ),
    (
        "4 a line's use is the outstanding principal of its owner",
        "SELECT c.consumer_id AS subject, 'line ' || c.used_minor || ' books ' || COALESCE(b.owed, 0) AS detail"
        " FROM credit_lines c LEFT JOIN (SELECT l.consumer_id, p.currency,"
        " SUM(CASE WHEN p.target = 'loan:' || l.id || ':principal' THEN p.amount_minor"
        " WHEN p.source = 'loan:' || l.id || ':principal' THEN -p.amount_minor ELSE 0 END) AS owed"
        " FROM loans l JOIN journal_entries e ON e.loan_id = l.id JOIN postings p ON p.entry_id = e.id"
        " GROUP BY l.consumer_id, p.currency) b ON b.consumer_id = c.consumer_id AND b.currency = c.currency"
        " WHERE c.used_minor <> COALESCE(b.owed, 0)",
    ),
    (
        "4 refunded is at most captured",
        "SELECT c.id AS subject, 'refunded ' || r.refunded || ' of ' || c.captured_minor AS detail FROM checkouts c"
        " JOIN (SELECT checkout_id, SUM(amount_minor) AS refunded FROM refunds GROUP BY checkout_id) r"
        " ON r.checkout_id = c.id WHERE r.refunded > c.captured_minor",
    ),
    (
        "4 what a refund gives the consumer is in the books, and left the bank when it succeeded",
        "SELECT r.id AS subject, r.status || ' ' || r.to_consumer_minor || ' booked ' || COALESCE(b.owed, 0)"
        " || ' sent ' || COALESCE(s.sent, 0) AS detail FROM refunds r"
        " LEFT JOIN (SELECT e.source_id, SUM(p.amount_minor) AS owed FROM journal_entries e JOIN postings p"
        " ON p.entry_id = e.id WHERE e.kind = 'refund_money' AND p.source LIKE 'consumer:%' GROUP BY e.source_id) b"
        " ON b.source_id = r.id"
        " LEFT JOIN (SELECT e.source_id, SUM(p.amount_minor) AS sent FROM journal_entries e JOIN postings p"
        " ON p.entry_id = e.id WHERE e.kind = 'money_back' GROUP BY e.source_id) s ON s.source_id = r.id"
        " WHERE COALESCE(b.owed, 0) <> r.to_consumer_minor"
        " OR COALESCE(s.sent, 0) <> CASE WHEN r.status = 'succeeded' THEN r.to_consumer_minor ELSE 0 END",
    ),
)
