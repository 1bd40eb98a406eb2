"""`python -m fastface` is the command `fastface`."""

import sys

from fastface.cli import main

if __name__ == "__main__":
    sys.exit(main())
