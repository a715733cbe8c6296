"""Keeps Triton from crashing where TensorFlow is already in the process.

TensorFlow loads its libraries with `RTLD_GLOBAL`, and with them its own LLVM.
Triton brings another release of LLVM. Loaded after TensorFlow, Triton's LLVM
would call TensorFlow's functions of the same names, and the process dies with
a segmentation fault while `import triton` runs. PyTorch imports Triton for
`torch.compile` and for much else, so that a user need not know it is there.
"""

import importlib.abc
import importlib.machinery
import os
import sys

MODULE = "triton._C.libtriton"


class TritonFinder(importlib.abc.MetaPathFinder):
    """Finds Triton's library as Python does, and binds it to itself.

    It costs nothing until something imports Triton. Importing Triton early
    would also help, but takes half a second of every start.
    """

    def find_spec(self, fullname, path, target=None):
        if fullname != MODULE:
            return None
        spec = importlib.machinery.PathFinder.find_spec(fullname, path, target)
        if spec is not None and "tensorflow" in sys.modules:
            spec.loader = DeepBindLoader(spec.loader.name, spec.loader.path)
        return spec


class DeepBindLoader(importlib.machinery.ExtensionFileLoader):
    """Loads a library that looks up its own symbols before the global ones."""

    def create_module(self, spec):
        flags = sys.getdlopenflags()
        sys.setdlopenflags(flags | os.RTLD_DEEPBIND)
        try:
            return super().create_module(spec)
        finally:
            sys.setdlopenflags(flags)


def install():
    """Let Triton be imported after TensorFlow, wherever Triton exists.

    Platforms without `RTLD_DEEPBIND` have no Triton, or do not share symbols
    between libraries.
    """
    if hasattr(os, "RTLD_DEEPBIND"):
        sys.meta_path.insert(0, TritonFinder())
