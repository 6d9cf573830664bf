"""The record store: xAPI statements, kept exactly as they were sent (xAPI 1.0.3 and 2.0, IEEE 9274.1.1)."""
