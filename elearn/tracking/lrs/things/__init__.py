"""Activities and agents: what all statements together say of a thing (xAPI Communication 2.4, 2.5).

In come definitions, as statements bring them (`statements/store.py` writes them beside the statement); out goes one
canonical definition of an activity, and one person for an agent. Open first `folding.py`, which holds the rules of
how definitions become one, then `definitions.py` (reading them at a bounded cost, and the job that keeps it so),
`persons.py` (which names an agent went by), and `routes.py` (the doors /xapi/activities and /xapi/agents).
"""
