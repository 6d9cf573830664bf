"""Services and doors of tracking, on a real database."""
