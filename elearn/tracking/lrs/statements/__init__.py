"""Statements in the store: written in one command, found again, answered as they came.

Open first `store.py` (`insert`, `get`), then `routes.py` (the door /xapi/statements) and `answers.py` (what is shown).
"""
