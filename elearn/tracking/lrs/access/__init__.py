"""Who may use /xapi/, for what and how much (xAPI Communication 4.0).

In comes a request, out goes the `Holder` of the key it came with. Open first `scopes.py` (what a scope opens, pure),
then `credentials.py` (keys, and the guards that views name). `bearer.py` writes and reads tokens, `tokens.py` is
where a key gets one; `limits.py` how often one may ask or guess; `doors.py` what is refused before a key is looked at;
`cors.py` whose pages may ask from a browser.
"""
