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
    seconds = random.Random(0)
    kills = useful = before = 0
    while True:
        child = os.fork()
        if not child:
            score(output, inputs)
            os._exit(0)
        time.sleep(seconds.uniform(0, 0.3))
        os.kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
        if os.WIFEXITED(status):
            return {"status": status, "kills": kills, "useful": useful}
        kills += 1
        after = len(os.listdir(output)) if os.path.isdir(output) else 0
        useful += after > before
        before = after


if __name__ == "__main__":
    print(json.dumps(kill_until_it_ends(sys.argv[1], sys.argv[2:])))
