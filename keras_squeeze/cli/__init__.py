"""The command line, `keras-squeeze`."""

import argparse
import contextlib
import signal
import sys
import threading

from keras_squeeze import logs
from keras_squeeze.cli import benchmark
from keras_squeeze.cli import convert
from keras_squeeze.cli import export
from keras_squeeze.cli import finetune
from keras_squeeze.cli import predict
from keras_squeeze.cli import presets
from keras_squeeze.cli import quickstart
from keras_squeeze.version import __version__

COMMANDS = (quickstart, finetune, predict, export, convert, presets, benchmark)

# What wrong arguments and unreadable files raise.
BAD_INPUT = (
    ValueError,
    FileNotFoundError,
    FileExistsError,
    IsADirectoryError,
    NotADirectoryError,
    PermissionError,
)


class ArgumentParser(argparse.ArgumentParser):
    """An `ArgumentParser` whose errors are one line."""

    def error(self, message):
        self.exit(2, f"{self.prog}: error: {message} (see {self.prog} -h)\n")


def build_parser():
    """Build the parser of the whole command line.

    Returns:
        An `argparse.ArgumentParser`. What it parses has a function `run`,
        which takes the parsed arguments.
    """
    parser = ArgumentParser(
        prog="keras-squeeze",
        description="SqueezeBERT and MobileBERT in Keras 3, from checkpoint "
        "to phone.",
        epilog="The environment variable KERAS_BACKEND chooses between "
        "tensorflow, jax and torch.",
    )
    parser.add_argument(
        "--version", action="version", version=f"keras-squeeze {__version__}"
    )
    subparsers = parser.add_subparsers(metavar="COMMAND", required=True)
    for command in COMMANDS:
        summary = command.__doc__.strip()
        subparser = subparsers.add_parser(
            command.__name__.rpartition(".")[2],
            help=summary.partition("\n")[0].rstrip("."),
            description=summary,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        subparser.add_argument(
            "--debug",
            action="store_true",
            help="show where in the code an error comes from",
        )
        subparser.add_argument(
            logs.FLAG,
            action="store_true",
            help="show what TensorFlow and the other libraries log",
        )
        command.add_arguments(subparser)
        subparser.set_defaults(run=command.run)
    return parser


def main(argv=None):
    """Run the command line.

    Args:
        argv: Optional list of strings, the arguments. Defaults to those of
            the process.

    Returns:
        int. The exit code: 0, 1 for a failure, 2 for bad input, 128 and the
        number of the signal for an interruption.
    """
    args = build_parser().parse_args(argv)
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
    """Let a process that is told to end remove its temporary files first."""

    def stop(number, frame):
        raise Stopped(number)

    handlers = {}
    if threading.current_thread() is threading.main_thread():
        for name in ("SIGTERM", "SIGHUP"):
            number = getattr(signal, name, None)
            # What `nohup` has the process ignore stays ignored.
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
