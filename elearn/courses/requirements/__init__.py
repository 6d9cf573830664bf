"""WHAT THE LAW ASKS, AS DATED DATA: categories, hours, class hours, modality limits, certificates, exemptions.

    FILE.yaml ─► reading ─► comparing ─► (a person looks) ─► service ─► requirement_row, outlines
                 every error  new, changed                    one transaction       ▼
                 by its line                                              choosing: what holds there on that day

Comes in: reviewed YAML (`elearn rules load`). Goes out: a `Catalogue`, which answers what is in force in a region on a
day, and names each row it answers with, so that a judgement can name the rules it used. Rows are added and never
changed: a row that says something else from the same day on is a new version, and the one that was loaded last holds.

Open first: `rows.py`, then `choosing.py`.

    rows.py       pure: what each kind of row holds, its name as a rule version
    reading.py    pure: YAML to rows, or every error in words with its line
    comparing.py  pure: what a file would add or change
    choosing.py   pure: what is in force in a region on a day; what changes between two days
    models.py     the two tables: who loaded what when, and the rows
    service.py    loading in one transaction, the catalogue as it is now
    commands.py   `elearn rules load | show`
    data/         the catalogue that travels with the program
"""
