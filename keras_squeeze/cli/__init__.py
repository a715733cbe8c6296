"""The `keras-squeeze` command line."""

import argparse
import contextlib
import importlib
import os
import signal
import sys
import threading

from keras_squeeze import logs
from keras_squeeze import memory
from keras_squeeze.quick_imports import backend_name
from keras_squeeze.quick_imports import quick_imports
from keras_squeeze.version import __version__

# The summary of each command, which is the first line of its docstring. The
# module of a command is only imported if the command is used.
COMMANDS = {
    "quickstart": "Fine-tune the tiny MobileBERT on text messages and export "
    "it to TFLite",
    "finetune": "Fine-tune a preset on your own data",
    "predict": "Predict with a fine-tuned preset",
    "score": "Score the texts of files of any size, and go on where a run was "
    "stopped",
    "export": "Export a fine-tuned preset to a TFLite file",
    "demo": "Write a web page that runs an exported file in the browser",
    "convert": "Convert a Hugging Face or Google checkpoint to a Keras preset",
    "presets": "List the built-in presets",
    "benchmark": "Measure the speed of parts of the package on this machine",
}

# Raised for invalid arguments and unreadable files.
BAD_INPUT = (
    ValueError,
    FileNotFoundError,
    FileExistsError,
    IsADirectoryError,
    NotADirectoryError,
    PermissionError,
)


# JAX compiles for seconds to minutes. The next command reuses its programs,
# also the small ones that give weights their first values.
JAX_CACHE = {
    "JAX_COMPILATION_CACHE_DIR": os.path.join(
        os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"),
        "keras_squeeze",
        "jax",
    ),
    "JAX_COMPILATION_CACHE_MAX_SIZE": str(2 * 10**9),
    "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
}


class ArgumentParser(argparse.ArgumentParser):
    """An `ArgumentParser` that reports errors on one line."""

    def error(self, message):
        self.exit(2, f"{self.prog}: error: {message} (see {self.prog} -h)\n")


def build_parser(commands=tuple(COMMANDS)):
    """Build the parser of the command line.

    Args:
        commands: Names of the commands whose modules are imported to add
            their arguments. For other commands, only the name is added.
            Defaults to all commands.

    Returns:
        An `argparse.ArgumentParser`. The arguments it parses have a function
        `run`, which takes these arguments.
    """
    parser = ArgumentParser(
        prog="keras-squeeze",
        description="SqueezeBERT and MobileBERT in Keras 3, from checkpoint "
        "to phone.",
        epilog="Set the environment variable KERAS_BACKEND to choose between "
        "tensorflow, jax and torch.",
    )
    parser.add_argument(
        "--version", action="version", version=f"keras-squeeze {__version__}"
    )
    subparsers = parser.add_subparsers(metavar="COMMAND", required=True)
    for name, summary in COMMANDS.items():
        subparser = subparsers.add_parser(
            name,
            help=summary,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        if name in commands:
            _add_arguments(subparser, name)
    return parser


def _add_arguments(parser, name):
    command = _import_command(name)
    parser.description = command.__doc__.strip()
    parser.add_argument(
        "--debug",
        action="store_true",
        help="show the traceback of an error",
    )
    parser.add_argument(
        logs.FLAG,
        action="store_true",
        help="show the logs of TensorFlow and other libraries",
    )
    command.add_arguments(parser)
    parser.set_defaults(run=command.run)


def _import_command(name):
    """Import the module of a command, and Keras with it.

    JAX is set up first, if it is the backend of the process.
    """
    if logs.is_command_line() and backend_name() == "jax":
        for variable, value in JAX_CACHE.items():
            os.environ.setdefault(variable, value)
        memory.keep_freed_memory()
    with quick_imports():
        return importlib.import_module(f"keras_squeeze.cli.{name}")


def main(argv=None):
    """Run the command line.

    Args:
        argv: Optional list of strings, the arguments. Defaults to the
            arguments of the process.

    Returns:
        int. The exit code: 0 for success, 1 for a failure, 2 for bad input,
        and 128 plus the number of the signal for an interruption.
    """
    argv = sys.argv[1:] if argv is None else argv
    # All options that may come before the command exit immediately.
    args = build_parser(argv[:1]).parse_args(argv)
    try:
        with _cleaning_up():
            args.run(args)
    except Stopped as e:
        return _fail("stopped", 128 + e.number)
    except KeyboardInterrupt:
        return _fail("interrupted", 130)
    except Exception as e:
        if args.debug:
            raise
        return _fail(e, 2 if isinstance(e, BAD_INPUT) else 1)
    return 0


class Stopped(KeyboardInterrupt):
    """A signal that ends the process."""

    def __init__(self, number):
        super().__init__(number)
        self.number = number


@contextlib.contextmanager
def _cleaning_up():
    """Let a process that receives a signal remove its temporary files."""

    def stop(number, frame):
        raise Stopped(number)

    handlers = {}
    if threading.current_thread() is threading.main_thread():
        for name in ("SIGTERM", "SIGHUP"):
            number = getattr(signal, name, None)
            # Keep ignoring signals that the process ignores, as with `nohup`.
            if number and signal.getsignal(number) is signal.SIG_DFL:
                handlers[number] = signal.signal(number, stop)
    try:
        yield
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)


def _fail(error, exit_code):
    message = " ".join(str(error).split()) or type(error).__name__
    print(f"keras-squeeze: error: {message}", file=sys.stderr)
    return exit_code
