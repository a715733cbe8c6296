"""Runs the command line for `python -m keras_squeeze`."""

import sys

from keras_squeeze.cli import main

if __name__ == "__main__":
    sys.exit(main())
