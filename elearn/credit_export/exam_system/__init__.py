"""The only place that knows what a receiver's machine speaks.

In comes a question of an exam system that has proved who it is (`oauth.py`, OAuth 2 client credentials, RFC 6749
section 4.4); out goes the eligibility record, signed (`records.py`, JWS with Ed25519). `routes.py` holds the
doors, `receivers.py` makes and revokes receivers, `openapi.py` describes the doors for the people who connect.
"""
