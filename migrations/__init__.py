"""Numbered, forward-only steps of the database; see `elearn/schema.py`."""
