"""A ROSTER AS HR EXPORTS IT: read, looked at, taken in. A spreadsheet comes; members stand in their units.

    files.py ─► columns.py, cells.py ─► rows.py    pure: what each line says, or all that is wrong with it
    companies.py pure: whose a row of a group's roster is
    deciding.py  pure: new, changed, unchanged, leaves, refused
    drafts.py    a file that waits, sealed; forgotten after a week
    looking.py   the job that reads it; what taking each line would do
    knowing.py   what is known of its people, a thousand at a time
    units.py     ways through the tree, and the units that are missing
    taking.py    the job that takes it in, in pieces that may be killed and go on    applying.py  what it writes
    writing.py   the file of what was refused, the empty form, the roster taken out
    duties.py    the jobs     models.py  tables

Open `rows.py` first, then `deciding.py`. A person whom another employer brought looks exactly like a new one.
"""
