"""Who may use /xapi/: keys with secrets and scopes (xAPI Communication 4.0). Open first `credentials.py`."""
