"""Runs checks in another process, as the devices are fixed when one starts."""

import json
import traceback

from tests.processes import run_python

_MARK = "result of a check: "


def run_checks(checks):
    """Run functions and print which fail. The other process calls it.

    Args:
        checks: Dictionary of functions without arguments, by name.
    """
    for name, check in checks.items():
        failure = None
        try:
            check()
        except Exception:
            failure = traceback.format_exc()
        print(f"{_MARK}{json.dumps([name, failure])}", flush=True)


def failures(module, *arguments, **environment):
    """Start a process that calls `run_checks()`, and wait for it.

    Args:
        module: string. The name of the module to run.
        *arguments: strings. Its arguments.
        **environment: Environment variables.

    Returns:
        A dictionary of the failure of each check, or `None` if it passed.
    """
    environment = {"TF_CPP_MIN_LOG_LEVEL": "3", **environment}
    child = run_python("-m", module, *arguments, **environment)
    lines = child.stdout.splitlines()
    found = [
        json.loads(line.removeprefix(_MARK))
        for line in lines
        if line.startswith(_MARK)
    ]
    return dict(found)
