"""Tests training on TensorFlow datasets, on every backend."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import keras_squeeze
from tests.checkpoint_folders import MobileBert
from tests.transformers.faces import face
from tests.transformers.faces import inputs
from tests.transformers.faces import labels
from tests.transformers.faces import saved_original
from tests.transformers.faces import to_numpy

PRESET = "mobile_bert_tiny_en_uncased"
TEXT = "ForSequenceClassification"


def load(task):
    _, folder = saved_original(MobileBert, task, num_hidden_layers=1)
    return face(MobileBert, task).from_pretrained(folder)


def rows(arrays):
    """The samples of a dictionary of arrays."""
    return [
        dict(zip(arrays, values, strict=True))
        for values in zip(*arrays.values(), strict=True)
    ]


class Samples:
    """The used part of the interface of `datasets.Dataset`."""

    def __init__(self, samples):
        self.samples = samples

    def __len__(self):
        return len(self.samples)

    def __getitem__(self, index):
        return self.samples[index]


@pytest.mark.parametrize("task", ["ForQuestionAnswering", "ForMultipleChoice"])
def test_loss(task):
    """The loss is that of the model, although the graph knows no shapes."""
    model = load(task)
    arrays = {**inputs(task, batch=4), **labels(task, batch=2)}
    arrays = {k: np.resize(v, (4, *v.shape[1:])) for k, v in arrays.items()}
    samples = rows({**arrays, "text": ["a", "b", "c", "d"]})
    expected = [
        float(to_numpy(model({k: v[i : i + 2] for k, v in arrays.items()})[0]))
        for i in (0, 2)
    ]
    model.compile(keras.optimizers.SGD(0.0))
    dataset = model.prepare_tf_dataset(samples, batch_size=2, shuffle=False)
    history = model.fit(dataset, verbose=0).history
    assert history["loss"] == [pytest.approx(np.mean(expected), rel=1e-5)]
    # In any other dataset, labels can be among the inputs.
    dataset = tf.data.Dataset.from_tensor_slices(arrays).batch(2)
    found = model.evaluate(dataset.take(1), verbose=0)
    assert found == pytest.approx(expected[0], rel=1e-5)


def test_trains_on_texts():
    """Training uses metrics and validation data."""
    auto = keras_squeeze.TFAutoModelForSequenceClassification
    model = auto.from_pretrained(PRESET, num_hidden_layers=1)
    tokenizer = keras_squeeze.AutoTokenizer.from_pretrained(PRESET)
    # A single length, which is fastest on JAX.
    collator = keras_squeeze.DataCollatorWithPadding(
        tokenizer, pad_to_multiple_of=16
    )
    texts = ["Good!", "This is bad, bad, bad.", "A good one.", "Bad."]
    samples = [
        {**tokenizer(text), "label": int("ood" in text), "text": text}
        for text in texts
    ]
    train = model.prepare_tf_dataset(Samples(samples), 4, collate_fn=collator)
    validation = model.prepare_tf_dataset(
        samples, batch_size=4, shuffle=False, collate_fn=collator
    )
    model.compile(
        keras.optimizers.Adam(5e-3, global_clipnorm=1.0), metrics=["accuracy"]
    )
    history = model.fit(
        train, validation_data=validation, epochs=15, verbose=0
    ).history
    assert history["loss"][-1] < 0.1
    assert history["val_accuracy"][-1] == 1.0
    logits = model.predict(validation, verbose=0).logits
    assert logits.argmax(-1).tolist() == [1, 0, 1, 0]


def test_batches_have_the_lengths_of_their_longest_texts():
    tokenizer = keras_squeeze.AutoTokenizer.from_pretrained(PRESET)
    texts = ["a", "a b", "a b c", "a b c d", "a b c d e"]
    samples = [dict(tokenizer(text)) for text in texts]
    model = load("ForMaskedLM")
    found = model.prepare_tf_dataset(
        samples, batch_size=2, shuffle=False, tokenizer=tokenizer
    )
    assert len(found) == 3
    # Without labels there are only inputs.
    assert [batch["input_ids"].shape for batch in found] == [
        (2, 4),
        (2, 6),
        (1, 7),
    ]
    collator = keras_squeeze.DataCollatorForLanguageModeling(
        tokenizer, pad_to_multiple_of=8, seed=1
    )
    for prefetch in (True, False):
        found = model.prepare_tf_dataset(
            samples, batch_size=2, collate_fn=collator, prefetch=prefetch
        )
        # Shuffled datasets only have full batches.
        assert len(found) == 2
        for x, y in found:
            assert set(x) == {"input_ids", "attention_mask", "token_type_ids"}
            assert y.shape == x["input_ids"].shape == (2, 8)


def test_order():
    model = load(TEXT)
    samples = rows({"input_ids": np.arange(20)[:, None], "label": range(20)})

    def order(**options):
        found = model.prepare_tf_dataset(samples, batch_size=3, **options)
        return [
            np.concatenate([y for _, y in found]).tolist() for _ in range(2)
        ]

    assert order(shuffle=False) == [list(range(20))] * 2
    assert order(shuffle=False, drop_remainder=True) == [list(range(18))] * 2
    keras.utils.set_random_seed(1)
    first, second = order(drop_remainder=False)
    assert sorted(first) == sorted(second) == list(range(20))
    assert first != second != list(range(20))
    keras.utils.set_random_seed(1)
    assert order(drop_remainder=False) == [first, second]


def test_arguments_of_collate_fn():
    model = load(TEXT)
    samples = rows(inputs(TEXT))

    def collate(features, value):
        batch = keras_squeeze.default_data_collator(features)
        return {**batch, "labels": [value] * len(features), "other": 1}

    found = model.prepare_tf_dataset(
        samples, collate_fn=collate, collate_fn_args={"value": 2}, batch_size=3
    )
    ((x, y),) = found
    assert y.numpy().tolist() == [2, 2, 2]
    assert set(x) == set(samples[0])
    assert to_numpy(model(x).logits).shape == (3, 3)


def test_errors():
    model = load(TEXT)
    with pytest.raises(TypeError, match="`dataset` must have a length"):
        model.prepare_tf_dataset(iter([]))
    with pytest.raises(ValueError, match="at least one sample"):
        model.prepare_tf_dataset([])
    with pytest.raises(ValueError, match="at least one of the model's inputs"):
        model.prepare_tf_dataset([{"label": 1, "text": "a"}])
    with pytest.raises(ValueError, match="`batch_size` must be"):
        model.prepare_tf_dataset([{"input_ids": [1]}], batch_size=0)
