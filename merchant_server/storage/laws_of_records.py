"""Laws 4 to 9 as queries: decisions, signatures, events, callbacks, claims and the audit log."""

_BELONGS = (
    ("callbacks", "event_id", "reference", "deductions"),
    ("callbacks", "event_id", "reference", "payment_orders"),
    ("consent_events", "audit_id", "checkout_id", "checkouts"),
    ("payout_lines", "entry_id", "payout_id", "payouts"),
    ("loan_funding", "loan_id", "loan_id", "loans"),
    ("funding_shares", "entry_id", "entry_id", "journal_entries"),
    ("offline_sales", "nonce", "till_key_id", "till_keys"),
    ("store_codes", "code", "store_id", "stores"),
)
_OF_ANOTHER_MERCHANT = " UNION ALL ".join(
    f"SELECT c.{key} AS subject, '{table} of ' || p.merchant_id AS detail FROM {table} c"
    f" JOIN {parent} p ON p.id = c.{column} WHERE c.merchant_id <> p.merchant_id"
    # What a callback in quarantine names may be another kind of thing than it says: then it is nobody's.
    + (" AND (c.verdict <> 'quarantined' OR c.merchant_id <> '')" if table == "callbacks" else "")
    for table, key, column, parent in _BELONGS
)

RECORD_LAWS: tuple[tuple[str, str], ...] = (
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
        "4 a live dispute pauses the collection of its loan, and no other pause calls itself one",
        "SELECT l.id AS subject, COALESCE(d.status, l.collection_paused_reason) AS detail FROM loans l"
        " LEFT JOIN disputes d ON d.loan_id = l.id AND d.status IN ('open', 'evidence_submitted', 'challenged')"
        " WHERE (d.id IS NOT NULL AND COALESCE(l.collection_paused_reason, '') <> 'dispute')"
        " OR (d.id IS NULL AND l.collection_paused_reason = 'dispute')",
    ),
    (
        "4 a loan that an operator suspended is not collected, and only such a one or a disputed one rests",
        "SELECT id AS subject, COALESCE(collection_paused_reason, collection_suspended_reason) AS detail FROM loans"
        " WHERE (collection_suspended_reason IS NOT NULL AND COALESCE(collection_paused_reason, '') NOT IN"
        " ('dispute', collection_suspended_reason)) OR (collection_suspended_reason IS NULL"
        " AND collection_paused_reason <> 'dispute')",
    ),
    (
        "4 a lost or accepted dispute is refunded",
        "SELECT d.id AS subject, d.status || ' ' || d.amount_minor || ' refunded ' || (COALESCE(r.refunded, 0)"
        " - d.refunded_before_minor) AS detail FROM disputes d"
        " LEFT JOIN (SELECT loan_id, SUM(amount_minor) AS refunded FROM refunds GROUP BY loan_id) r"
        " ON r.loan_id = d.loan_id WHERE d.status IN ('lost', 'accepted')"
        " AND COALESCE(r.refunded, 0) - d.refunded_before_minor < d.amount_minor",
    ),
    (
        "4 a dispute is decided by somebody else's audited act",
        "SELECT d.id AS subject, CASE WHEN u.id IS NULL THEN 'no audit row' ELSE 'own case' END AS detail"
        " FROM disputes d JOIN consumers c ON c.id = d.consumer_id LEFT JOIN reviewers w ON w.name = d.decided_by"
        " LEFT JOIN audit u ON u.subject = d.id AND u.action = 'dispute.' || d.status"
        " WHERE d.status IN ('won', 'lost', 'accepted') AND (u.id IS NULL OR w.id_number_index = c.id_number_index"
        " OR d.decided_by = d.opened_by)",
    ),
    (
        "4 an answered complaint has its answer and its audit row",
        "SELECT c.id AS subject, CASE WHEN u.id IS NULL THEN 'no audit row' ELSE 'no answer' END AS detail"
        " FROM complaints c LEFT JOIN audit u ON u.subject = c.id AND u.action = 'complaint.answered'"
        " WHERE c.status = 'answered' AND (u.id IS NULL OR c.answer_sealed IS NULL)",
    ),
    (
        "6 signed agreement, loan, postings, event and audit row come together",
        "SELECT a.id AS subject, CASE WHEN l.id IS NULL THEN 'no loan' WHEN e.id IS NULL THEN 'no entry'"
        " WHEN v.id IS NULL THEN 'no event' ELSE 'no audit row' END AS detail FROM agreements a"
        " LEFT JOIN loans l ON l.agreement_id = a.id"
        " LEFT JOIN journal_entries e ON e.kind = 'signing' AND e.source_id = l.id"
        " LEFT JOIN events v ON v.aggregate_id = l.id AND v.aggregate_sequence = 1"
        " LEFT JOIN audit u ON u.subject = a.id AND u.action = 'agreement.signed'"
        " WHERE a.status = 'signed' AND (l.id IS NULL OR e.id IS NULL OR u.id IS NULL OR (v.id IS NULL"
        " AND NOT EXISTS (SELECT 1 FROM event_archives x WHERE x.merchant_id = l.merchant_id AND x.mode = l.mode)))",
    ),
    (
        "6 a loan has a signed agreement",
        "SELECT l.id AS subject, a.status AS detail FROM loans l JOIN agreements a ON a.id = l.agreement_id"
        " WHERE a.status <> 'signed' OR a.loan_id <> l.id OR a.signed_sha256 IS NULL",
    ),
    (
        "6 a signature has its timestamp, or waits for it",
        "SELECT id AS subject, COALESCE(timestamp_status, 'no timestamp') AS detail FROM agreements"
        " WHERE (status = 'signed') <> (timestamp_status IS NOT NULL)",
    ),
    (
        "6 a loan's mandate is live, or the loan is over",
        "SELECT l.id AS subject, m.status AS detail FROM loans l JOIN mandates m ON m.id = l.mandate_id"
        " WHERE m.status = 'pending' OR m.consumer_id <> l.consumer_id",
    ),
    (
        "7 an aggregate's events are numbered without gaps",
        "SELECT g.subject, g.n || ' events, ' || g.first || ' to ' || g.last AS detail FROM ("
        "SELECT aggregate_id AS subject, merchant_id, mode, COUNT(*) AS n, MIN(aggregate_sequence) AS first,"
        " MAX(aggregate_sequence) AS last FROM events GROUP BY aggregate_id, merchant_id, mode) g"
        " WHERE g.n <> g.last - g.first + 1 OR (g.first <> 1 AND NOT EXISTS ("
        "SELECT 1 FROM event_archives x WHERE x.merchant_id = g.merchant_id AND x.mode = g.mode))",
    ),
    (
        "7 a merchant's events are numbered without gaps",
        "SELECT s.merchant_id AS subject, COALESCE(a.events, 0) || ' archived up to ' || COALESCE(a.up_to, 0) || ', '"
        " || COUNT(e.id) || ' events, counter ' || s.last AS detail FROM event_sequences s LEFT JOIN ("
        "SELECT merchant_id, mode, SUM(events) AS events, MAX(up_to) AS up_to FROM event_archives"
        " GROUP BY merchant_id, mode) a ON a.merchant_id = s.merchant_id AND a.mode = s.mode"
        " LEFT JOIN events e ON e.merchant_id = s.merchant_id AND e.mode = s.mode"
        " AND e.sequence > COALESCE(a.up_to, 0) GROUP BY s.merchant_id, s.mode, s.last, a.events, a.up_to"
        " HAVING COALESCE(a.events, 0) <> COALESCE(a.up_to, 0) OR COUNT(e.id) + COALESCE(a.up_to, 0) <> s.last"
        " OR COALESCE(MAX(e.sequence), a.up_to, 0) <> s.last",
    ),
    (
        "7 every version of a checkout and a loan has its event",
        "SELECT t.aggregate_id AS subject, CAST(t.version AS TEXT) AS detail FROM transitions t"
        " LEFT JOIN events e ON e.aggregate_id = t.aggregate_id AND e.aggregate_sequence = t.version"
        " WHERE e.id IS NULL AND (EXISTS (SELECT 1 FROM events k WHERE k.aggregate_id = t.aggregate_id"
        " AND k.aggregate_sequence < t.version) OR NOT EXISTS (SELECT 1 FROM event_archives x"
        " WHERE x.merchant_id = t.merchant_id))",
    ),
    (
        "8 what a callback changed belongs to a request of ours",
        "SELECT c.event_id AS subject, c.reference AS detail FROM callbacks c WHERE c.verdict = 'applied'"
        " AND NOT EXISTS (SELECT 1 FROM deductions d WHERE d.id = c.reference)"
        " AND NOT EXISTS (SELECT 1 FROM payouts o WHERE o.id = c.reference)"
        " AND NOT EXISTS (SELECT 1 FROM refunds r WHERE r.id = c.reference)"
        " AND NOT EXISTS (SELECT 1 FROM transfers t WHERE t.id = c.reference)"
        " AND NOT EXISTS (SELECT 1 FROM payment_orders p WHERE p.id = c.reference)",
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
    ("9 a row names the merchant of what it belongs to", _OF_ANOTHER_MERCHANT),
    (
        # How long they wait is for the doctor to say.
        "6 every audit row has its place in the log, or waits for it",
        "SELECT a.id AS subject, a.action AS detail FROM audit a LEFT JOIN audit_leaves l ON l.audit_id = a.id"
        " LEFT JOIN audit_arrivals r ON r.audit_id = a.id WHERE (l.sequence IS NULL) = (r.arrival IS NULL)",
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
