"""Classes (培训班, 一班一档): from a plan, over its review, to the acceptance that makes its hours count.

    opening.py   a class is opened: institution, outline, number, dates, place
    plan.py      what is taught when, online and on site
    lesson_plans.py  files of lesson plans, of a line or of the class; added, never changed
    enrolling.py who is in it; after acceptance a change has a reason, and a notice or a second person
    rules.py     pure: steps, offices, the conditions before acceptance
    steps.py     gathers what decides, takes the step, records it
    region.py    what a region asks: `credit_rules` of the catalogue of requirements
    reading.py   what other packages and pages may ask: plan_of, steps_of, roster_changes, classes_of
    models.py    tables

Steps and roster changes are added and never edited. What only packages to the right know (an institution is suspended,
a person is listed) comes in as `rules.Outside`. `acting` are the organisations in whose name the caller acts, as in
`teaching.py`. Nothing here commits. Open `rules.py` first.
"""

from elearn.courses.classes.enrolling import RosterLine, enrol, roster, withdraw
from elearn.courses.classes.opening import open_class, own_class, place_class
from elearn.courses.classes.reading import PAGE, ClassLine, classes_of, plan_of, roster_changes, state_of, steps_of
from elearn.courses.classes.steps import file_class

__all__ = [
    "PAGE",
    "ClassLine",
    "RosterLine",
    "classes_of",
    "enrol",
    "file_class",
    "open_class",
    "own_class",
    "place_class",
    "plan_of",
    "roster",
    "roster_changes",
    "state_of",
    "steps_of",
    "withdraw",
]
