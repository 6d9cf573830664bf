"""A class from plan to acceptance: who looks, what is asked before, what the region wants."""

from __future__ import annotations

from tests.mutants.mutation import in_file

MUTATIONS = [
    *in_file(
        "elearn/courses/classes/rules.py",
        "class rules",
        ("a class without learners is no class", "    if not facts.learners:\n", "    if False:\n"),
        ("a class has a plan", "    if not facts.lessons:\n", "    if False:\n"),
        ("what is on site has a place", "    if not facts.place and any(", "    if False and any("),
        (
            "at the first lesson it is late",
            "self.reported_at >= self.first_lesson_at",
            "self.reported_at > self.first_lesson_at",
        ),
        (
            "late is refused only where the region says so",
            "facts.late and rule.late is LateReport.REFUSED",
            "facts.late",
        ),
        ("the plan covers the outline", "planned(facts.lessons, item.id) < item.hours", "False"),
        ("practice on site is no theory on site", "one.item_id in theory and one.modality", "one.modality"),
        ("exactly the share on site is enough", "on_site * 100 < sum(", "on_site * 100 <= sum("),
        ("each day has a teacher", "    if alone:\n", "    if False:\n"),
        ("one who teaches theory teaches no practice", "            and self.kind in (None, lesson.kind)\n", ""),
        ("nobody teaches before their first day", "            and self.from_on <= lesson.on\n", ""),
        ("nobody teaches after their last day", "self.to_on is None or lesson.on <= self.to_on", "True"),
        ("a teacher is valid", "    if facts.teacher_problems:\n", "    if False:\n"),
        ("a suspended school opens no class", "    if facts.outside.suspended:\n", "    if False:\n"),
        ("nobody on the roster is listed", "    if facts.outside.listed:\n", "    if False:\n"),
        (
            "a receipt files nothing where classes are reviewed",
            "act is Act.RECEIPT and rule.review is not ClassReview.RECEIPT",
            "False",
        ),
        (
            "where receipts are recorded nobody accepts",
            "act is Act.ACCEPT and rule.review is ClassReview.RECEIPT",
            "False",
        ),
        (
            "a step is somebody's office",
            "    if by.office not in _offices(stands.state, act, rule):\n",
            "    if False:\n",
        ),
        ("nobody checks their own report", "{Act.CHECK: (stands.submitted_by,), ", "{"),
        ("nobody accepts what they looked at", "Act.ACCEPT: _looked(stands, rule)}", "}"),
        (
            "an officer is nobody of the school",
            "return stands.submitted_by, stands.checked_by",
            "return (stands.submitted_by,)",
        ),
        ("there is no report without a roster", "    if act is Act.SUBMIT and any(", "    if False and any("),
        (
            "conditions stand before acceptance",
            "act in (Act.CHECK, Act.ACCEPT) and missing",
            "act is Act.CHECK and missing",
        ),
        (
            "conditions stand before the check",
            "act in (Act.CHECK, Act.ACCEPT) and missing",
            "act is Act.ACCEPT and missing",
        ),
        ("a class begins on its first day", "act is Act.BEGIN and today < starts_on", "False"),
        ("a class is over on its last day", "act is Act.COMPLETE and today < last_day", "False"),
        ("the region's officer accepts", "Office.OFFICER if reviews else Office.MANAGER", "Office.MANAGER"),
        (
            "the officer sends back what waits for the officer",
            "if state is State.INSTITUTION_CHECKED and reviews",
            "if False",
        ),
        (
            "what was sent back is looked at anew",
            "            return Stands()\n",
            "            return Stands(State.PLANNED, by, by)\n",
        ),
        ("nobody confirms their own change", "if confirm and by == wanted_by else None", "if False else None"),
    ),
]
