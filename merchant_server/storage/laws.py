"""The laws of the house as queries: each returns the rows that break it, so an empty answer is a clean house.

Read in one snapshot, so that the checker may run while sales go on.
"""

from merchant_server.ports import Breach
from merchant_server.storage.engine import Connection

LAWS: tuple[tuple[str, str], ...] = (
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
        "4 relief was granted by a second person, and only what was granted changed a schedule",
        "SELECT id AS subject, COALESCE(decided_by, 'nobody') AS detail FROM relief_proposals"
        " WHERE status = 'approved' AND LOWER(COALESCE(decided_by, proposed_by)) = LOWER(proposed_by)"
        " UNION ALL SELECT c.id, c.kind || ' ' || c.source_id FROM schedule_changes c"
        " LEFT JOIN relief_proposals p ON p.id = c.source_id AND p.kind = c.kind AND p.status = 'approved'"
        " AND p.loan_id = c.loan_id LEFT JOIN repayments r ON r.id = c.source_id AND c.kind = 'write_off'"
        " AND r.reversed_at IS NOT NULL"
        " WHERE c.kind IN ('waiver', 'write_off', 'extension', 'hardship') AND p.id IS NULL AND r.id IS NULL",
    ),
    (
        "4 every decision's policy is kept",
        "SELECT d.id AS subject, d.policy_version AS detail FROM decisions d"
        " LEFT JOIN policy_versions v ON v.version = d.policy_version"
        " WHERE d.arm IS NOT NULL AND (d.decided_at IS NULL OR v.version IS NULL)",
    ),
    (
        "4 no policy was published by who proposed it",
        "SELECT q.id AS subject, q.published_by AS detail FROM policy_publications q"
        " JOIN policy_proposals p ON p.id = q.proposal_id WHERE LOWER(p.proposed_by) = LOWER(q.published_by)"
        " OR p.version <> q.version OR p.arm <> q.arm OR p.share_bps <> q.share_bps OR p.proposed_by <> q.proposed_by",
    ),
    (
        "4 a verdict of a person has its audit row, and the reviewer is not the person",
        "SELECT r.id AS subject, CASE WHEN u.id IS NULL THEN 'no audit row' ELSE 'own case' END AS detail"
        " FROM reviews r JOIN consumers c ON c.id = r.consumer_id LEFT JOIN reviewers w ON w.name = r.reviewer"
        " LEFT JOIN audit u ON u.subject = r.id AND u.action = 'review.' || r.status"
        " WHERE r.status <> 'queued' AND (u.id IS NULL OR w.id_number_index = c.id_number_index)",
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
    (
        "6 signed agreement, loan, postings, event and audit row come together",
        "SELECT a.id AS subject, CASE WHEN l.id IS NULL THEN 'no loan' WHEN e.id IS NULL THEN 'no entry'"
        " WHEN v.id IS NULL THEN 'no event' ELSE 'no audit row' END AS detail FROM agreements a"
        " LEFT JOIN loans l ON l.agreement_id = a.id"
        " LEFT JOIN journal_entries e ON e.kind = 'signing' AND e.source_id = l.id"
        " LEFT JOIN events v ON v.aggregate_id = l.id AND v.aggregate_sequence = 1"
        " LEFT JOIN audit u ON u.subject = a.id AND u.action = 'agreement.signed'"
        " WHERE a.status = 'signed' AND (l.id IS NULL OR e.id IS NULL OR v.id IS NULL OR u.id IS NULL)",
    ),
    (
        "6 a loan has a signed agreement",
        "SELECT l.id AS subject, a.status AS detail FROM loans l JOIN agreements a ON a.id = l.agreement_id"
        " WHERE a.status <> 'signed' OR a.loan_id <> l.id OR a.signed_sha256 IS NULL",
    ),
    (
        "6 a loan's mandate is live, or the loan is over",
        "SELECT l.id AS subject, m.status AS detail FROM loans l JOIN mandates m ON m.id = l.mandate_id"
        " WHERE m.status = 'pending' OR m.consumer_id <> l.consumer_id",
    ),
    (
        "7 an aggregate's events are numbered without gaps",
        "SELECT aggregate_id AS subject, COUNT(*) || ' events up to ' || MAX(aggregate_sequence) AS detail FROM events"
        " GROUP BY aggregate_id HAVING COUNT(*) <> MAX(aggregate_sequence) OR MIN(aggregate_sequence) <> 1",
    ),
    (
        "7 a merchant's events are numbered without gaps",
        "SELECT s.merchant_id AS subject, COUNT(e.id) || ' events, counter ' || s.last AS detail"
        " FROM event_sequences s LEFT JOIN events e ON e.merchant_id = s.merchant_id AND e.mode = s.mode"
        " GROUP BY s.merchant_id, s.mode, s.last HAVING COUNT(e.id) <> s.last OR MAX(e.sequence) <> s.last",
    ),
    (
        "7 every version of a checkout and a loan has its event",
        "SELECT t.aggregate_id AS subject, CAST(t.version AS TEXT) AS detail FROM transitions t"
        " LEFT JOIN events e ON e.aggregate_id = t.aggregate_id AND e.aggregate_sequence = t.version"
        " WHERE e.id IS NULL",
    ),
    (
        "8 what a callback changed belongs to a deduction of ours",
        "SELECT c.event_id AS subject, c.reference AS detail FROM callbacks c"
        " LEFT JOIN deductions d ON d.id = c.reference WHERE c.verdict = 'applied' AND d.id IS NULL",
    ),
    (
        "9 a claimed checkout was claimed once",
        "SELECT aggregate_id AS subject, COUNT(*) || ' claims' AS detail FROM transitions"
        " WHERE to_state = 'opened' AND from_state = 'created' GROUP BY aggregate_id HAVING COUNT(*) > 1",
    ),
    (
        "9 a loan is for exactly its checkout's amount and merchant",
        "SELECT l.id AS subject, l.checkout_id AS detail FROM loans l JOIN checkouts c ON c.id = l.checkout_id"
        " WHERE l.merchant_id <> c.merchant_id OR l.mode <> c.mode OR l.currency <> c.currency"
        " OR l.principal_minor <> c.amount_minor",
    ),
    (
        # Acts that are older than the log enter it with the first new act.
        "6 every audit row has its place in the log",
        "SELECT a.id AS subject, a.action AS detail FROM audit a LEFT JOIN audit_leaves l ON l.audit_id = a.id"
        " JOIN audit_tree t ON t.size > 0 WHERE l.sequence IS NULL",
    ),
    (
        "6 the log's places follow one another, up to its counter",
        "SELECT CAST(l.sequence AS TEXT) AS subject, 'place, after ' || COALESCE(p.sequence, 0) AS detail"
        " FROM audit_leaves l LEFT JOIN audit_leaves p ON p.sequence = l.sequence - 1"
        " WHERE (l.sequence > 1 AND p.sequence IS NULL) OR l.previous_hash <> COALESCE(p.leaf_hash, l.previous_hash)"
        " UNION ALL SELECT 'counter', 'gave out ' || t.size || ', ' || COUNT(l.sequence) || ' are there'"
        " FROM audit_tree t LEFT JOIN audit_leaves l ON l.sequence > 0 GROUP BY t.size, t.last_hash"
        " HAVING COUNT(l.sequence) <> t.size",
    ),
)


def breaches(connection: Connection, at_most: int = 20) -> list[Breach]:
    """Return up to `at_most` breaches of each law, none when the house is clean."""
    found = []
    for law, query in LAWS:
        rows = connection.all(f"SELECT * FROM ({query}) broken LIMIT :at_most", {"at_most": at_most})
        found += [Breach(law, row["subject"], str(row["detail"])) for row in rows]
    return found
