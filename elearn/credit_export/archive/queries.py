"""What stands in an archive beside hours and tests, as SQL: each text is one section, for one class."""

from __future__ import annotations

import sqlalchemy as sa

ITEMS = sa.text("""
SELECT i.code, i.name, i.kind, i.required_hours FROM elearn.outline_item i
WHERE i.outline_id = :outline ORDER BY i.position, i.code
""")

UNITS = sa.text("""
-- The lesson plans: every version that was offered to the class at some time.
SELECT i.code AS item, c.id AS course_id, c.title AS course, c.textbook, c.textbook_url, t.name AS author,
       l.id AS lesson_id, l.position, l.title AS lesson, u.id AS unit_id, u.version, u.kind, u.duration_ms,
       u.content_hash, u.source_sha256, u.published_at, u.retired_at
FROM elearn.training_class k
JOIN elearn.outline_item i ON i.outline_id = k.outline_id
JOIN elearn.course c ON c.institution_id = k.institution_id
JOIN elearn.lesson l ON l.course_id = c.id AND coalesce(l.outline_item_id, c.outline_item_id) = i.id
JOIN elearn.unit u ON u.lesson_id = l.id
LEFT JOIN elearn.person t ON t.id = c.teacher_id
WHERE k.id = :class AND u.published_at IS NOT NULL
  AND (k.ends_on IS NULL OR (u.published_at AT TIME ZONE 'Asia/Shanghai')::date <= k.ends_on)
  AND (u.retired_at IS NULL OR (u.retired_at AT TIME ZONE 'Asia/Shanghai')::date >= k.starts_on)
ORDER BY i.position, c.created_at, c.id, l.position, u.version
""")

ROSTER = sa.text("""
SELECT n.person_id, n.enrolled_at, n.withdrawn_at FROM elearn.enrolment n
WHERE n.class_id = :class ORDER BY n.enrolled_at, n.id
""")

SESSIONS = sa.text("""
SELECT s.id, i.code AS item, s.kind, s.teacher_id, p.name AS teacher, s.place, s.from_at, s.to_at, s.planned_at,
       c.at AS cancelled_at, c.reason AS cancelled_because
FROM elearn.class_session s
JOIN elearn.outline_item i ON i.id = s.outline_item_id
JOIN elearn.person p ON p.id = s.teacher_id
LEFT JOIN elearn.class_session_cancelled c ON c.session_id = s.id
WHERE s.class_id = :class ORDER BY s.from_at, s.id
""")

LISTS = sa.text("""
SELECT t.id, t.session_id, t.act, t.by_id AS proposed_by, p.name AS proposer, t.reason, t.files, t.doc,
       t.at AS proposed_at, a.confirmed, a.by_id AS answered_by, q.name AS answerer, a.at AS answered_at
FROM elearn.class_session s
JOIN elearn.attendance_list t ON t.session_id = s.id
JOIN elearn.person p ON p.id = t.by_id
LEFT JOIN elearn.attendance_answer a ON a.list_id = t.id
LEFT JOIN elearn.person q ON q.id = a.by_id
WHERE s.class_id = :class ORDER BY t.at, t.id
""")

LINES = sa.text("""
SELECT l.id, l.list_id, l.person_id, l.how, l.from_at, l.to_at, l.ms, l."on", l.refused_as, l.reverses_id,
       d.line_id IS NOT NULL AS counts
FROM elearn.class_session s
JOIN elearn.attendance_list t ON t.session_id = s.id
JOIN elearn.attendance_line l ON l.list_id = t.id
LEFT JOIN elearn.attended_span d ON d.line_id = l.id
WHERE s.class_id = :class ORDER BY l."on", l.from_at, l.person_id, l.id
""")

TAKEN_OUT = sa.text("""
-- Teachers who were named for the class and taken out again: as if they had never been, but not without a trace.
SELECT t.person_id, p.name, i.name AS item, coalesce(c.kind, i.kind) AS kind, c.from_on, c.to_on, c.added_at,
       c.removed_at, r.name AS removed_by
FROM elearn.class_teacher c
JOIN elearn.teacher t ON t.id = c.teacher_id
JOIN elearn.person p ON p.id = t.person_id
LEFT JOIN elearn.person r ON r.id = c.removed_by
LEFT JOIN elearn.outline_item i ON i.id = c.outline_item_id
WHERE c.class_id = :class AND c.removed_at IS NOT NULL ORDER BY c.removed_at, c.id
""")

RECORDINGS = sa.text("""
SELECT f.sha256, f.name, f.media_type, octet_length(f.content) AS bytes, f.session_id,
       p.name AS sent_by, f.at AS sent_at
FROM elearn.attendance_file f JOIN elearn.person p ON p.id = f.by_id
WHERE f.class_id = :class ORDER BY f.at, f.sha256
""")

PAPERS = sa.text("""
-- The tests of the class's courses as they were taken: which version of the blueprint, which questions, which marks.
SELECT a.id, t.id AS test_id, b.version AS blueprint, b.pass_percent, b.duration_s, a.bank_digest,
       a.versions AS questions, a.points_milli, a.marks_milli, a.started_at, a.ending
FROM elearn.test_attempt a
JOIN elearn.course_test t ON t.id = a.test_id
JOIN elearn.test_blueprint b ON b.id = a.blueprint_id
WHERE a.id = ANY (:attempts)
""")

EVIDENCE = sa.text("""
-- The evidence that these leaves rest on stands right before them in their log.
SELECT DISTINCT e.origin, e.index, e.raw, 'sha256:' || encode(e.hash, 'hex') AS hash, e.at
FROM unnest(CAST(:origins AS text[]), CAST(:indexes AS bigint[])) AS w (origin, index)
JOIN LATERAL (
    SELECT l.* FROM elearn.ledger_leaf l
    WHERE l.origin = w.origin AND l.index < w.index AND l.kind = 'evidence' ORDER BY l.index DESC LIMIT 1
) e ON true
ORDER BY e.origin, e.index
""")

CHECKPOINTS = sa.text("""
-- The first checkpoint that holds all of the class's leaves: a later one says no more of them.
SELECT c.origin, c.size, encode(c.root, 'hex') AS root, c.note, c.witnessed, c.signed_at
FROM unnest(CAST(:origins AS text[]), CAST(:indexes AS bigint[])) AS w (origin, index)
JOIN LATERAL (
    SELECT k.* FROM elearn.ledger_checkpoint k
    WHERE k.origin = w.origin AND k.size > w.index ORDER BY k.size LIMIT 1
) c ON true
ORDER BY c.origin
""")

OPEN_ENDS = sa.text("""
SELECT
  (SELECT count(*) FROM elearn.class_session s WHERE s.class_id = :class AND s.to_at < :now
   AND NOT EXISTS (SELECT FROM elearn.class_session_cancelled c WHERE c.session_id = s.id)
   AND NOT EXISTS (SELECT FROM elearn.attendance_list t WHERE t.session_id = s.id)) AS sessions_without_list,
  (SELECT count(*) FROM elearn.class_session s JOIN elearn.attendance_list t ON t.session_id = s.id
   WHERE s.class_id = :class
   AND NOT EXISTS (SELECT FROM elearn.attendance_answer a WHERE a.list_id = t.id)) AS lists_waiting,
  (SELECT count(*) FROM elearn.class_session s JOIN elearn.attendance_list t ON t.session_id = s.id
   JOIN elearn.attendance_line l ON l.list_id = t.id JOIN elearn.attended_span d ON d.line_id = l.id
   WHERE s.class_id = :class
   AND NOT EXISTS (SELECT FROM elearn.hours_entry e WHERE e.attendance_line_id = l.id)) AS hours_on_their_way
""")
