"""WHAT A PERSON HOLDS IN THE HAND: proofs on paper and records that travel.

In comes a version of an eligibility record; out go a training proof as PDF, a printable list of a class, and an Open
Badges 3.0 credential. Each names a page that says how the record stands now, so paper never says more than is true.

    standing.py   proofs that were made, by random id, and how their record stands now
    sheets.py     PDF: training proof and list, set by typst from `templates/`, with the log's proof inside
    badges.py     the credential and its status list, pure;  badge_keys.py  what signs them
    routes.py     the doors anybody may use: status, keys, status lists

Printed hours are those credited, by kind and modality, never those that an outline asks for (RULES 0.3).
"""
