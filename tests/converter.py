"""A converter that has imported TensorFlow when it is asked.

Each export starts a process, which for the files of the tests takes twice as
long to import TensorFlow as to convert. Here the processes are forked from one
that has imported it and done nothing else.
"""

import json
import subprocess

_PROGRAM = """
import json
import os
import sys

from keras_squeeze.export.conversion.converter import main

for line in sys.stdin:
    process = os.fork()
    if not process:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        main(*json.loads(line))
        os._exit(0)
    status = os.waitpid(process, 0)[1]
    print(os.waitstatus_to_exitcode(status), flush=True)
"""


class Converter:
    """Stands in for `subprocess` in `keras_squeeze.export.process`."""

    DEVNULL = subprocess.DEVNULL

    def __init__(self):
        self._process = None

    def run(self, command, env, **kwargs):
        *interpreter, program, folder, options = command
        if self._process is None:
            # What the program leaves unimported is left so here, too.
            program = program[: program.index("from ")] + _PROGRAM
            self._process = subprocess.Popen(
                [*interpreter, program],
                env=env,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                text=True,
            )
        arguments = json.dumps([str(folder), options])
        print(arguments, file=self._process.stdin, flush=True)
        returncode = int(self._process.stdout.readline())
        return subprocess.CompletedProcess(command, returncode, stderr="")

    def close(self):
        if self._process is not None:
            self._process.communicate()
