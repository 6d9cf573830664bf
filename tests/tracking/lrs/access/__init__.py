"""Who may use /xapi/, for what and how much."""
