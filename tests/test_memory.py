"""Tests that freed memory stays in the process."""

import sys

import pytest

from tests.processes import run_python

# The command line imports the package without Keras, whose threads would use
# memory as well.
PROGRAM = """
import sys
sys.argv = ["keras-squeeze"]
import ctypes
import os
import threading
from keras_squeeze import memory

if {keep}:
    assert memory.keep_freed_memory()
library = ctypes.CDLL(None)
library.malloc.restype = ctypes.c_void_p
size = 200 * 2**20

def use():
    address = ctypes.c_void_p(library.malloc(ctypes.c_size_t(size)))
    library.memset(address, 1, ctypes.c_size_t(size))
    library.free(address)

thread = threading.Thread(target=use)
thread.start()
thread.join()
with open("/proc/self/statm") as file:
    pages = int(file.read().split()[1])
print(pages * os.sysconf("SC_PAGE_SIZE") // 2**20)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="it is done on Linux")
@pytest.mark.parametrize("keep", [False, True])
def test_freed_memory_stays_in_the_process(keep):
    resident = int(run_python("-c", PROGRAM.format(keep=keep)).stdout)
    assert (resident > 200) == keep


def test_other_systems_are_left_alone(monkeypatch):
    from keras_squeeze import memory

    monkeypatch.setattr(sys, "platform", "darwin")
    assert not memory.keep_freed_memory()
