"""Promises about everything."""
