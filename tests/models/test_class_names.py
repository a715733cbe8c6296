import keras
import numpy as np
import pytest
import sklearn.utils.class_weight
import tensorflow as tf

from keras_squeeze.models.class_names import balanced_class_weights
from keras_squeeze.models.class_names import check_class_ids
from keras_squeeze.models.class_names import check_class_names
from keras_squeeze.models.class_names import class_weights_to_ids
from keras_squeeze.models.class_names import labels_to_ids

NAMES = ["ham", "spam", "größer"]
LABELS = ["spam", "ham", "größer", "spam"]
IDS = [1, 0, 2, 1]


@pytest.mark.parametrize(
    "names, number, expected",
    [
        (None, 3, (None, 3)),
        (("a", "b"), None, (["a", "b"], 2)),
        (["a", "b"], 2, (["a", "b"], 2)),
    ],
)
def test_names_and_number(names, number, expected):
    assert check_class_names(names, number) == expected


@pytest.mark.parametrize(
    "names, number, message",
    [
        (None, None, "One of `num_classes` and `class_names`"),
        (["a", "b"], 3, "num_classes=3, 2 class_names"),
        (["a", "a"], 2, "must be distinct.*'a', 'a'"),
        (["a", 1], 2, "must be a list of strings"),
    ],
)
def test_contradictions(names, number, message):
    with pytest.raises(ValueError, match=message):
        check_class_names(names, number)


@pytest.mark.parametrize(
    "convert",
    [
        list,
        np.array,
        lambda labels: np.array(labels, "object"),
        lambda labels: np.array([label.encode() for label in labels]),
        tf.constant,
    ],
)
def test_labels_by_name(convert):
    ids = labels_to_ids(convert(LABELS), NAMES)
    assert ids.dtype == "int32"
    np.testing.assert_array_equal(ids, IDS)


def test_labels_keep_their_shape():
    labels = np.array(LABELS).reshape(2, 2)
    np.testing.assert_array_equal(
        labels_to_ids(labels, NAMES), [[1, 0], [2, 1]]
    )


def test_labels_in_a_data_set():
    data_set = tf.data.Dataset.from_tensor_slices(LABELS).batch(3)
    data_set = data_set.map(lambda labels: labels_to_ids(labels, NAMES))
    assert [batch.numpy().tolist() for batch in data_set] == [IDS[:3], IDS[3:]]


@pytest.mark.parametrize(
    "labels", [IDS, np.array(IDS), np.eye(3), keras.ops.array(IDS)]
)
def test_labels_by_id(labels):
    np.testing.assert_array_equal(
        labels_to_ids(labels, NAMES), keras.ops.convert_to_numpy(labels)
    )


def test_ids_in_a_data_set():
    data_set = tf.data.Dataset.from_tensor_slices(IDS)
    data_set = data_set.map(lambda label: labels_to_ids(label, NAMES))
    assert list(data_set.as_numpy_iterator()) == IDS


def test_unknown_labels():
    with pytest.raises(ValueError, match=r"'spam', .*Received: \['Ham', 'x'\]"):
        labels_to_ids(["ham", "x", "Ham", "x"], NAMES)
    data_set = tf.data.Dataset.from_tensors(["ham", "x"])
    data_set = data_set.map(lambda labels: labels_to_ids(labels, NAMES))
    with pytest.raises(tf.errors.InvalidArgumentError, match="not among the"):
        list(data_set)


@pytest.mark.parametrize("missing", [None, float("nan"), np.float32("nan"), 1])
@pytest.mark.parametrize("convert", [list, lambda x: np.array(x, "object")])
def test_missing_labels(missing, convert):
    names = ["ham", "nan", "None", "1"]
    for labels in (["ham", missing], [missing, "ham"]):
        i = labels.index(missing)
        message = f"or none of them.*Received: .* as label {i}"
        with pytest.raises(ValueError, match=message):
            labels_to_ids(convert(labels), names)


@pytest.mark.parametrize(
    "class_weight",
    [
        {"ham": 0.5, "größer": 2},
        {0: 0.5, 2: 2.0},
        {np.int64(0): np.float32(0.5), "größer": 2.0},
    ],
)
def test_class_weights(class_weight):
    expected = {0: 0.5, 1: 1.0, 2: 2.0}
    assert class_weights_to_ids(class_weight, NAMES, 3) == expected


def test_balanced_class_weights():
    ids = np.array([0, 0, 0, 2])
    found = balanced_class_weights(ids, 3)
    expected = sklearn.utils.class_weight.compute_class_weight(
        "balanced", classes=np.array([0, 2]), y=ids
    )
    # A class without labels has no influence.
    assert found == {0: expected[0], 1: 1.0, 2: expected[1]}


@pytest.mark.parametrize(
    "class_weight, received",
    [
        ("Balanced", "'Balanced'"),
        ([1.0, 2.0, 3.0], r"\[1.0"),
        ({"Ham": 1.0}, "'Ham': 1.0"),
        ({3: 1.0}, "3: 1.0"),
        ({-1: 1.0}, "-1: 1.0"),
        ({0: "2"}, "0: '2'"),
        ({0: float("nan")}, "0: nan"),
        ({0: -1.0}, "0: -1.0"),
        ({True: 1.0}, "True: 1.0"),
    ],
)
def test_what_are_no_class_weights(class_weight, received):
    message = f"ids below 3, or of names among.*Received: {received}"
    with pytest.raises(ValueError, match=message):
        class_weights_to_ids(class_weight, NAMES, 3)
    with pytest.raises(ValueError, match="Received: 'ham'"):
        class_weights_to_ids({"ham": 1.0}, None, 3)


def test_classes_without_names():
    with pytest.raises(ValueError, match="need a task with `class_names`"):
        labels_to_ids(["ham"], None)
    data_set = tf.data.Dataset.from_tensors(["ham"])
    with pytest.raises(ValueError, match="need a task with `class_names`"):
        data_set.map(lambda labels: labels_to_ids(labels, None))
    assert labels_to_ids([1], None) == [1]


@pytest.mark.parametrize(
    "ids", [[0, 2, 1], np.array([True, False]), np.array([[0.0, 2.0]]), []]
)
def test_class_ids(ids):
    checked = check_class_ids(ids, 3)
    assert checked.dtype == "int32"
    np.testing.assert_array_equal(checked, ids)


@pytest.mark.parametrize(
    "ids, received",
    [
        ([0, 3, 5, 3], r"\[3, 5\]"),
        ([-1, 0], r"\[-1\]"),
        ([0.5, 1.0], r"\[0.5\]"),
        ([0.0, np.nan], r"\[nan\]"),
        (["ham"], r"\['ham'\]"),
        ([None, 1], r"\[None, 1\]"),
    ],
)
def test_what_is_no_class_id(ids, received):
    with pytest.raises(ValueError, match=f"from 0 to 2. Received: {received}"):
        check_class_ids(ids, 3)


def test_class_ids_in_a_data_set():
    def check(ids):
        data_set = tf.data.Dataset.from_tensors(ids)
        data_set = data_set.map(lambda ids: check_class_ids(ids, 3))
        return next(iter(data_set)).numpy().tolist()

    assert check([0, 2]) == [0, 2]
    for ids in ([0, 3], [-1, 0]):
        with pytest.raises(tf.errors.InvalidArgumentError, match="from 0 to 2"):
            check(ids)
