"""WHAT TWO PEOPLE OF TWO SIDES STATE: about a person or an institution, from a day on, and when it ends.

    stating.py ─► finding + finding_answer (ledgers) ─► reading.py ─► basis.py, holds.py ─► records, steps

A certificate that takes the place of training, training that was completed before, a person on the blacklist, an
institution that is suspended: none of it can be computed from watching, so somebody says it, somebody of another side
(institution, regulator, operator) confirms it, and both names stay. Nothing is edited: what no longer holds is ended by
another finding, in two halves again. Open `rules.py` first: who may state what.
"""
