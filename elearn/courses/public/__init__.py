"""WHAT ANYBODY MAY STUDY without an account: courses opened to everybody, and the notices and campaigns beside them.

It belongs to the word "courses": what is open is what there is to study, and nothing of it goes further. Who watches
here is nobody: no sitting, no statement, no delivery, so there is nothing that verification could ever believe.

    ask, open, end ─► course_opening ─► playlists and keys for anybody     (a second person opens)
    written, published, withdrawn ─► public_post ─► the public home       (a second person publishes)

    rules.py     pure: why a course may not be opened; what a post must say; where it stands
    sharing.py   the same packaged video in two courses has the same keys: never both open and credited
    opening.py   a manager asks, another one opens, any of them ends it
    watching.py  what is open now, and the one question before every key: is this unit open
    posts.py     notices and campaigns, of an institution or of a region's authority
    routes.py    the narrow door: playlists, keys and subtitles of open units, for anybody

Open first: `rules.py`, then `watching.py`.
"""
