"""What xAPI demands of a statement, 1.0.3 and 2.0 (IEEE 9274.1.1). Pure: text in, `Checked` or `BadStatement` out.

Open first `check.py` (`check_statement`). Then `whole.py` (a statement's parts), `actors.py`, `activities.py`,
`forms.py` (the simple values), `reading.py` (the one error, and how parts are read at their places). `text.py` reads
the JSON, `comparing.py` says when two statements are the same, `keys.py` and `relations.py` what one is found by.
"""
