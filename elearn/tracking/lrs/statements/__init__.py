"""Statements in the store: written in one command, found again, answered as they came.

Open first `routes.py` (the door /xapi/statements), then by the way of a request:
- in: `attachments.py` and `multipart.py` (what came), `signatures.py`, `alone.py` (one new statement in
  one command), `store.py` (all others), `faces.py` (what is found by what it refers to);
- out: `asked.py` (the parameters), `search.py` (many) or `store.get` (one), `answers.py` (as it was sent),
  `formats.py` and `languages.py` (ids, canonical), `more.py` (links to further pages).
"""
