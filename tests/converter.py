"""Converts models in processes that are forked with TensorFlow imported.

Each export starts a process, in which importing TensorFlow takes twice as long
as converting a small model. Here the processes are forked from one that has
imported TensorFlow and has done nothing else.
"""

import json
import subprocess

from keras_squeeze.export import process

_PROGRAM = """
import json
import os
import sys

with quick_imports():
    from keras_squeeze.export.conversion.converter import main

for line in sys.stdin:
    child = os.fork()
    if not child:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        main(*json.loads(line))
        os._exit(0)
    status = os.waitpid(child, 0)[1]
    print(os.waitstatus_to_exitcode(status), flush=True)
"""


class Converter:
    """Replaces `subprocess` in `keras_squeeze.export.process`."""

    DEVNULL = subprocess.DEVNULL

    def __init__(self):
        self._process = None

    def run(self, command, env, **kwargs):
        *interpreter, program, folder, options = command
        if program != process._PROGRAM:
            return subprocess.run(command, env=env, **kwargs)
        if self._process is None:
            self._process = subprocess.Popen(
                [*interpreter, process.PREAMBLE + _PROGRAM],
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
