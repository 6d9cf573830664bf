"""HOURS ON SITE: who was where, when, and which two people say so.

    session planned ─► code on the screen ─► scans, marks ─► list proposed ─► confirmed by another ─► lines count
    planning.py        codes.py              presence.py     proposing.py     confirming.py           credit_export

A line of a confirmed list becomes an `attend` leaf of the log, and from there hours. Nothing counts before, and no row
is ever changed: what was wrong is taken back by another list, again by two people. Open `rules.py` first.

A session is of an item of an outline, in an institution's class; or of a unit of an enterprise, in the class of one of
its programmes, which no exam system is ever told of. Everything after the plan is the same for both.

    rules         pure: how long somebody was there, and why a stretch is not taken
    codes         pure: the rotating code, and the ticket of a phone that opened it in time
    models        sessions, scans, marks, files, lists, lines, answers
    facts         what the rules ask of the database, for a whole list at once
    planning      sessions of a class, or of an enterprise's unit
    presence      coming and going by the code; the teacher's own list
    proposing     a list, or a correction of one
    confirming    the second person
    sheets        pure: a spreadsheet of attendance, read row by row
    importing     a spreadsheet becomes lists: all of it, or nothing
    reading       what pages and other packages may ask
    ledger_check  the same, recomputed
"""
