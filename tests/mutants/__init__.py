"""The rules of watching, each broken on purpose, and the tests that must see it.

    python -m tests.mutants [--only WORD] [--jobs 2]

- `mutation.py`  what a mutation is: rule, file, old text, new text, suites that must each catch it;
- `mutations/`   all of them, as data, by what is broken;
- `runner.py`    the command: applies each to a scratch copy of the tree, runs its suites, says one line.

A mutation that a suite does not see SURVIVED, and the command ends with status 1.
"""
