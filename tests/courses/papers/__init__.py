"""Papers, attempts, wrong-question books."""
