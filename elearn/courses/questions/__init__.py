"""The bank of questions for course tests: written, reviewed by a second person, asked, retired.

    kinds.py      pure: the six kinds, what is a sound question, what has the form of an answer
    marking.py    pure: what an answer is worth, in milli-points
    showing.py    pure: what a browser is given, which knows nothing of what is right
    formats/      pure: XLSX, GIFT, Moodle XML and QTI 2.1, in and out
    models.py     tables: questions, their versions, pictures, imports
    bank.py       writing, reviewing, retiring, importing, listing

Presence checks ask from `courses.models.Question`, a pool of its own. Questions of the certificate exam never enter
(教考分离). Papers and attempts are `elearn.courses.papers`.
"""
