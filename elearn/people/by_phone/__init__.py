"""IN BY A CODE: somebody whose number the house knows, and who never had a password or forgot it, chooses one.

    number ─► asking.py ─► a row, a job ─► sending.py ─► text message        the same row whether or not it is known
    code + end of the document's number ─► proving.py ─► a new password      rules.py: pure: limits, who is meant
    models.py: tables

A telephone company gives a number to somebody else after a while, so a code alone opens nothing: the second fact is the
end of the document's number, which a stranger with the phone does not know and a name would not be. It also tells apart
people who share a phone. Accounts that hold more than a learner's role are never opened this way.

What anybody may ask answers the same for every number, after the same work: whether it is known, only the phone hears.
"""
