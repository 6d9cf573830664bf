"""`python -m tests.integrity`: see the package."""

import sys

from tests.integrity.runner import main

if __name__ == "__main__":
    sys.exit(main())
