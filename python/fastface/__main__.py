"""The command `fastface` as a process; `python -m fastface` is the same."""

import signal
import sys


def run() -> int:
    """Runs the command line; Ctrl-C prints no traceback, however early or often it comes."""
    try:
        from fastface.cli import main  # here: loading it takes long enough to press Ctrl-C

        return main()
    except KeyboardInterrupt:
        return 130
    finally:
        # All that is left is to wait for threads: another Ctrl-C ends the process at once.
        signal.signal(signal.SIGINT, signal.SIG_DFL)


if __name__ == "__main__":
    sys.exit(run())
