"""OFFICES: who arranges an organisation, who holds which role in it, and how somebody comes to hold one.

In comes an act of somebody with a role (a new workshop, a role for a colleague, a link for a new one); out comes the
tree as it stands now, live grants, and a record of who did what when. Open `rules.py` first: who may grant and
withdraw what is one pure table. `models.py` has the two nouns.

    rules         pure: who grants what where, and why not
    units         an enterprise's tree changes: add, rename, move, close
    granting      roles granted and withdrawn, who holds them, the history
    invitations   a role by a link that holds once, for a while
"""
