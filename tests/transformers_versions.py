"""The version of transformers that the tests compare with."""

import pytest
import transformers

# The package follows version 4. The tests also run with later versions, but
# skip comparisons with features that were removed.
IS_TRANSFORMERS_4 = transformers.__version__.startswith("4.")


def needs_transformers_4(what):
    """A mark for comparisons with features that only version 4 has.

    Args:
        what: string. The feature, for the reason to skip the test.
    """
    return pytest.mark.skipif(
        not IS_TRANSFORMERS_4,
        reason=f"transformers 4 has {what}, later versions do not",
    )
