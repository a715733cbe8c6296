import csv
import hashlib

import numpy as np

from keras_squeeze.datasets import sms_spam


def test_sizes_and_types():
    (x_train, y_train), (x_test, y_test) = sms_spam.load_data()
    assert x_train.shape == y_train.shape == (4136,)
    assert x_test.shape == y_test.shape == (1035,)
    assert y_train.dtype == y_test.dtype == np.int32
    assert all(type(message) is str for message in [*x_train, *x_test])
    # A fifth of the 4,518 ham and of the 653 spam messages.
    assert (y_test == 0).sum() == 904
    assert (y_test == 1).sum() == 131
    assert (y_train == 1).sum() == 522


def test_every_message_once_and_with_its_label(real_data):
    path = real_data / "sms_spam" / "SMSSpamCollection"
    with open(path, encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
    labels = {message: label for label, message in rows}
    (x_train, y_train), (x_test, y_test) = sms_spam.load_data()
    loaded = dict(zip([*x_train, *x_test], [*y_train, *y_test], strict=True))
    assert len(rows) == 5574
    assert len(x_train) + len(x_test) == len(loaded) == 5171
    assert loaded == {m: int(label == "spam") for m, label in labels.items()}


def test_no_message_is_on_both_sides():
    (x_train, _), (x_test, _) = sms_spam.load_data()
    train = {"".join(message.lower().split()) for message in x_train}
    test = {"".join(message.lower().split()) for message in x_test}
    assert not train & test


def test_split_is_the_same_as_ever():
    _, (x_test, y_test) = sms_spam.load_data()
    digest = hashlib.sha256("\n".join(x_test).encode("utf-8")).hexdigest()
    assert digest[:16] == "8b492f6c2903cca0"
    assert y_test[:20].nonzero()[0].tolist() == [1, 12]
