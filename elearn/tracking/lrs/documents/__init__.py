"""Documents: what clients keep beside their statements (xAPI Communication 2.2, 2.3, 2.6, 2.7).

In comes any content of any type under an id that the client chose, in one of three places: a state (activity, agent
and perhaps a registration), a profile of an activity, a profile of an agent. Out comes the same content, byte for
byte, with its type and the tag by which a client says later which content it saw. 2.0 says the same in its sections
4.1.4 and 4.1.6.2, .5 and .6; where it differs, the request's version decides.

Open first `routes.py` (the three resources, and what a request must say), then `conditions.py` (which write is
refused because of what is there, pure), `merging.py` (what POST makes of two documents, pure), `store.py` (one row
a document, changed under its lock).

Documents of one organisation are no other's: each key reads and writes those of its own organisation, and a key
without one those of no organisation.
"""
