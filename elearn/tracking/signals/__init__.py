"""SIGNALS, NOT SENTENCES: what looks odd is flagged with its evidence, looked at by people, and changes no credit.

    sitting_client, reports, checks, deliveries ─► gathering.py ─► rules.py ─► signal (ledger) ─► reviews.py
    clients.py                                     traces.py       R1-R16                       people decide

In comes what is stored anyway; out go flags (MODEL 3.1). Only two people of two sides take hours back, with reasons,
and the learner may appeal (`reviews.py`, `tracking/voids.py`). Open `rules.py` first.

    rules, facts, thresholds, traces   pure: what is odd, by which numbers, and a sitting's reports folded together
    clients                            where a sitting was opened from, and for how long that is kept
    gathering, duties                  reading the facts of whoever was active, in the background
    models, reviews                    the ledgers of flags, cases and decisions
"""
