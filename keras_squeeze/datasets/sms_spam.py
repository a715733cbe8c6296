"""The SMS Spam Collection, a dataset of text messages labeled as spam."""

import hashlib
import pathlib

import numpy as np

CLASS_NAMES = ["ham", "spam"]


def load_data():
    """Loads the SMS Spam Collection.

    The dataset has 5,171 English text messages, 653 of them spam, collected by
    Tiago A. Almeida and José María Gómez Hidalgo. It comes with the package, so
    nothing is downloaded. Messages that repeat an earlier one are left out of
    the original 5,574.

    One fifth of the messages of each class form the test set. The split depends
    only on the messages and not on a random number generator, so it is the same
    on every machine. Messages that only differ in case and spaces are in the
    same set.

    Returns:
        A tuple `(x_train, y_train), (x_test, y_test)` of NumPy arrays, in the
        order of the original collection.

        - `x_train`, `x_test`: arrays of strings, of shapes `(4136,)` and
            `(1035,)`.
        - `y_train`, `y_test`: int32 arrays of the same shapes. `1` is spam.

    Example:

    ```python
    (x_train, y_train), (x_test, y_test) = (
        keras_squeeze.datasets.sms_spam.load_data()
    )
    ```

    Reference:
     - [Almeida et al., 2011](https://doi.org/10.24432/C5CC84), licensed under
       CC BY 4.0
    """
    folder = pathlib.Path(__file__).parent / "data" / "sms_spam"
    text = (folder / "SMSSpamCollection.tsv").read_text(encoding="utf-8")
    labels = {}
    for line in text.splitlines():
        name, _, message = line.partition("\t")
        labels.setdefault(message, CLASS_NAMES.index(name))
    x = np.array(list(labels), dtype=object)
    y = np.array(list(labels.values()), dtype="int32")
    is_test = np.zeros(len(y), dtype=bool)
    digests = np.array([_digest(message) for message in x])
    for label in range(len(CLASS_NAMES)):
        # Split by a digest instead of a count, so that messages with the same
        # digest are in the same set.
        of_class = digests[y == label]
        border = np.sort(of_class)[round(0.2 * len(of_class))]
        is_test |= (y == label) & (digests < border)
    return (x[~is_test], y[~is_test]), (x[is_test], y[is_test])


def _digest(message):
    """Return a number that identifies the letters of a message."""
    letters = "".join(message.casefold().split()).encode("utf-8")
    return int.from_bytes(hashlib.sha256(letters).digest()[:7], "big")
