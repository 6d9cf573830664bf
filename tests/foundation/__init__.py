"""Habits that all packages share."""
