"""Statements on their way out, and in from files."""
