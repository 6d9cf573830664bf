"""JOINING BY A LINK: a poster at the gate says where, a worker comes by a phone, a clerk confirms or need not.

In comes a link that a clerk made for one unit, one kind of employment and one post; out comes a membership of that
employer, and who came by which link. Whoever has an account signs in with it; whoever is new registers. Nobody takes
over somebody else by typing their document: a document that is known already is told to sign in, and nothing more.

    rules    pure: whether a link still opens, and why not
    links    made, found by its token, withdrawn
    coming   a person comes, registers, is confirmed or refused; what nobody confirmed is forgotten
    models   the two tables
"""
