"""WHO TEACHES (师资库): people with a level, industries and kinds of work; their certificates; for whom they teach.

    registering.py ─► teacher, teacher_term            ┐
    certifying.py  ─► teacher_certificate (+ _answer)  ├─► standing.py ─► gates of a class, the fact `teachers_valid`
    assigning.py   ─► class_teacher                    ┘

A teacher is a person and may teach for several institutions (联聘), each for a term. A certificate is stated by one
person and confirmed by one of another side; both halves stay, and so does its end. That a valid certificate is asked
for, and 40 hours of a teacher's own training a year, are rules of a region, not of the country (RULES 1): rows of the
catalogue of requirements (`credit_rules.teachers`, a yearly category of the group `teacher`). Open `rules.py` first.

    rules.py       pure: what is wrong with the teachers of a class, on which day
    standing.py    the same for many classes, in a few queries
    reading.py     what pages show
    said.py        pure: what is said of a teacher in its one form, and who may confirm it
    sheets.py, importing.py   a register from a spreadsheet: all rows or none
"""
