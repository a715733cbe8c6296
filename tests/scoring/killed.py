"""Runs that are killed at random points until one ends, for `test_run`.

Usage: `python -m tests.scoring.killed OUTPUT INPUT...`
"""

import json
import os
import random
import signal
import sys
import time

from keras_squeeze.scoring import run
from tests.scoring.stub import Stub

PRESET = "mobile_bert_tiny_en_uncased_sms_spam"


def score(output, inputs):
    run.start_workers = Stub().start
    return run.score_files(PRESET, inputs, output, block_rows=10)


def kill_until_it_ends(output, inputs):
    """Returns how many processes were killed, and how many of these had
    written something that was not there before."""
    draws = random.Random(0)
    kills = useful = before = 0
    while True:
        child = os.fork()
        if not child:
            score(output, inputs)
            os._exit(0)
        # The first one is killed before it writes. The others have written
        # some files, however fast the machine is.
        enough = before + draws.randint(1, 40) * (kills > 0)
        ended = 0
        while not ended and count_files(output) < enough:
            ended, status = os.waitpid(child, os.WNOHANG)
            time.sleep(0.001)
        if not ended:
            time.sleep(draws.uniform(0, 0.01))
            os.kill(child, signal.SIGKILL)
            _, status = os.waitpid(child, 0)
        if os.WIFEXITED(status):
            return {"status": status, "kills": kills, "useful": useful}
        kills += 1
        after = count_files(output)
        useful += after > before
        before = after


def count_files(folder):
    return len(os.listdir(folder)) if os.path.isdir(folder) else 0


if __name__ == "__main__":
    print(json.dumps(kill_until_it_ends(sys.argv[1], sys.argv[2:])))
