"""Prevents a crash when Triton is loaded after TensorFlow.

TensorFlow loads its libraries, including its own LLVM, with `RTLD_GLOBAL`.
Triton has a different version of LLVM. If it is loaded after TensorFlow, it
calls TensorFlow's functions of the same names, and `import triton` crashes with
a segmentation fault. PyTorch imports Triton for `torch.compile` and other
features, so users need not be aware of it.
"""

import importlib.abc
import importlib.machinery
import os
import sys

MODULE = "triton._C.libtriton"


class TritonFinder(importlib.abc.MetaPathFinder):
    """Finds Triton's library in the usual way, and binds it to its own symbols.

    This costs nothing until Triton is imported. Importing Triton early would
    also help, but adds half a second to every start.
    """

    def find_spec(self, fullname, path, target=None):
        if fullname != MODULE:
            return None
        spec = importlib.machinery.PathFinder.find_spec(fullname, path, target)
        if spec is not None and "tensorflow" in sys.modules:
            spec.loader = DeepBindLoader(spec.loader.name, spec.loader.path)
        return spec


class DeepBindLoader(importlib.machinery.ExtensionFileLoader):
    """Loads a library that prefers its own symbols to the global ones."""

    def create_module(self, spec):
        flags = sys.getdlopenflags()
        sys.setdlopenflags(flags | os.RTLD_DEEPBIND)
        try:
            return super().create_module(spec)
        finally:
            sys.setdlopenflags(flags)


def install():
    """Make it safe to import Triton after TensorFlow.

    Platforms without `RTLD_DEEPBIND` have no Triton, or do not share symbols
    between libraries.
    """
    if hasattr(os, "RTLD_DEEPBIND"):
        sys.meta_path.insert(0, TritonFinder())
