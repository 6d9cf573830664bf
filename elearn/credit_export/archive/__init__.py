"""ONE CLASS, ONE FILE (一班一档): what a class was, who was there, the hours of each, and who signed for them.

    hours_entry, attendance, tests ─► statement.py ─► signing.py        a learner signs the hours of the class
                                      what is signed  hours_signature   by hand or by the lock of the phone
    all of the class ─► gathering.py ─► writing.py ─► one zip           the same state gives the same bytes
                        one state       tables.py, index.py             verifying.py checks it without us

The hours in an archive are those of the ledger and no others: each amount stands beside its leaf, and whoever verifies
adds them up again. Document numbers are masked; recordings and photos are named by their hash and stay where they are.
Nothing here deletes hours, attendance or signatures: `retention.py` says until when they must be kept at least, and
`due` which classes need not be kept any longer. Open `statement.py` and `verifying.py` first: both are pure.
"""
