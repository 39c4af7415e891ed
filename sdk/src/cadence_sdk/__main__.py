"""Entry point of `python -m cadence_sdk`."""

import sys

from cadence_sdk.command import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], out=sys.stdout, err=sys.stderr))
