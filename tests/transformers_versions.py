"""Which version of transformers the tests compare with."""

import pytest
import transformers

# The one whose habits the package has. The tests also run with later ones,
# without the comparisons with what those no longer have.
IS_TRANSFORMERS_4 = transformers.__version__.startswith("4.")


def needs_transformers_4(what):
    """A mark for what is compared with something that only version 4 has.

    Args:
        what: string. What that is, for the reason to skip it.
    """
    return pytest.mark.skipif(
        not IS_TRANSFORMERS_4,
        reason=f"transformers 4 has {what}, later versions do not",
    )
