"""Tests batches of samples against those of transformers."""

import warnings

import keras
import numpy as np
import pytest
import transformers

import keras_squeeze
from tests.backends import only_on
from tests.transformers_versions import needs_transformers_4

pytestmark = only_on("torch", reason="batches are made on NumPy")
TEXTS = ["Hello, world!", "Who wrote it, and why?", "", "One more [MASK]."]
LABELS = [2, 0, 1, 1]


@pytest.fixture(scope="module")
def tokenizers(vocabulary, tmp_path_factory):
    """Our fast tokenizer and that of transformers."""
    path = tmp_path_factory.mktemp("vocabulary") / "vocab.txt"
    path.write_text("\n".join(vocabulary[:5000]) + "\n", encoding="utf-8")
    return [
        package.MobileBertTokenizerFast(str(path))
        for package in (keras_squeeze, transformers)
    ]


def collate(name, tokenizers, samples, **settings):
    """Return our batch and that of transformers.

    Args:
        name: string. The name of the class.
        tokenizers: The fixture.
        samples: Function that maps a tokenizer to samples.
        **settings: Arguments of the class.
    """
    batches = []
    for package, tokenizer in zip(
        (keras_squeeze, transformers), tokenizers, strict=True
    ):
        if package is transformers:
            settings = {"return_tensors": "np", **settings}
        collator = getattr(package, name)(tokenizer, **settings)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            batches.append(collator(samples(tokenizer)))
    return batches


def assert_same(ours, theirs):
    assert set(ours) == set(theirs)
    for name, expected in theirs.items():
        assert isinstance(ours[name], np.ndarray)
        assert ours[name].dtype == expected.dtype
        np.testing.assert_array_equal(ours[name], expected)


def encode(tokenizer, **options):
    return [dict(tokenizer(text, **options)) for text in TEXTS]


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"pad_to_multiple_of": 8},
        {"padding": "max_length", "max_length": 20},
    ],
)
@pytest.mark.parametrize("label", [None, "label", "label_ids", "labels"])
def test_padding(tokenizers, settings, label):
    def samples(tokenizer):
        rows = encode(tokenizer)
        if label is None:
            return rows
        return [
            {**row, label: value}
            for row, value in zip(rows, LABELS, strict=True)
        ]

    ours, theirs = collate(
        "DataCollatorWithPadding", tokenizers, samples, **settings
    )
    assert_same(ours, theirs)
    assert ("labels" in ours) == (label is not None)


@pytest.mark.parametrize("side", ["right", "left"])
@pytest.mark.parametrize("label", [None, "labels"])
def test_token_classification(tokenizers, side, label, monkeypatch):
    for tokenizer in tokenizers:
        monkeypatch.setattr(tokenizer, "padding_side", side)

    def samples(tokenizer):
        rows = encode(tokenizer)
        if label is None:
            return rows
        return [{**row, label: row["input_ids"][::-1]} for row in rows]

    ours, theirs = collate(
        "DataCollatorForTokenClassification",
        tokenizers,
        samples,
        pad_to_multiple_of=4,
        label_pad_token_id=-7,
    )
    assert_same(ours, theirs)
    if label is not None:
        # transformers keeps `label` in the batch, and therefore fails.
        collator = keras_squeeze.DataCollatorForTokenClassification(
            tokenizers[0], pad_to_multiple_of=4, label_pad_token_id=-7
        )
        renamed = samples(tokenizers[0])
        renamed = [{**row, "label": row.pop("labels")} for row in renamed]
        assert_same(collator(renamed), ours)


@pytest.mark.parametrize("special_tokens_mask", [False, True])
@pytest.mark.parametrize("seed", [None, 7])
@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"mlm_probability": 0.6, "pad_to_multiple_of": 16},
        {
            "mlm_probability": 1.0,
            "mask_replace_prob": 0.2,
            "random_replace_prob": 0.5,
        },
        {"mask_replace_prob": 1.0, "random_replace_prob": 0.0},
        {"mlm": False},
    ],
)
def test_language_modeling(tokenizers, settings, seed, special_tokens_mask):
    batches = []
    for package, tokenizer in zip(
        (keras_squeeze, transformers), tokenizers, strict=True
    ):
        np.random.seed(3)
        collator = package.DataCollatorForLanguageModeling(
            tokenizer, return_tensors="np", seed=seed, **settings
        )
        samples = encode(
            tokenizer, return_special_tokens_mask=special_tokens_mask
        )
        # The generator continues from batch to batch.
        batches.append([collator(samples) for _ in range(3)])
    for ours, theirs in zip(*batches, strict=True):
        assert_same(ours, theirs)
    ids = tokenizers[0](TEXTS, padding=True, return_tensors="np").input_ids
    labels = batches[0][0]["labels"][:, : ids.shape[1]]
    is_label = labels != -100
    np.testing.assert_array_equal(labels[is_label], ids[is_label])


def test_masks_lists_of_ids(tokenizers):
    collator = keras_squeeze.DataCollatorForLanguageModeling(
        tokenizers[0],
        mlm_probability=1.0,
        mask_replace_prob=1.0,
        random_replace_prob=0.0,
    )
    batch = collator([[5, 6, 7, 8], np.array([9, 10])])
    mask, pad = tokenizers[0].mask_token_id, tokenizers[0].pad_token_id
    assert batch["input_ids"].tolist() == [[mask] * 4, [mask, mask, pad, pad]]
    assert batch["labels"].tolist() == [[5, 6, 7, 8], [9, 10, -100, -100]]


@pytest.mark.parametrize("return_tensors", ["np", "tf", "pt", "keras"])
def test_types_of_tensors(tokenizers, return_tensors):
    tokenizer = tokenizers[0]
    samples = [{**row, "labels": row["input_ids"]} for row in encode(tokenizer)]
    options = {"return_tensors": return_tensors}
    like = tokenizer("Hi!", **options).input_ids
    for collator in (
        keras_squeeze.DataCollatorForTokenClassification(tokenizer, **options),
        keras_squeeze.DataCollatorForLanguageModeling(tokenizer, **options),
        keras_squeeze.DefaultDataCollator(**options),
    ):
        found = samples[:1]
        if not isinstance(collator, keras_squeeze.DefaultDataCollator):
            found = samples
        for value in collator(found).values():
            assert type(value) is type(like)
            assert value.dtype == like.dtype


@pytest.mark.parametrize(
    "extra",
    [
        {"label": 1},
        {"label_ids": [1, 2]},
        {"labels": np.array([3, 4])},
        {"idx": 3, "text": "not in a batch", "empty": None},
    ],
)
def test_samples_of_one_shape(tokenizers, extra):
    rows = [
        {**row, **extra}
        for row in encode(
            tokenizers[0], padding="max_length", max_length=9, truncation=True
        )
    ]
    expected = transformers.default_data_collator(rows, return_tensors="np")
    assert_same(keras_squeeze.default_data_collator(rows), expected)
    assert_same(keras_squeeze.DefaultDataCollator()(rows), expected)


@pytest.mark.parametrize(
    "return_tensors",
    [
        "np",
        "pt",
        pytest.param("tf", marks=needs_transformers_4("tensors of it")),
    ],
)
def test_types_of_tensors_of_a_call(tokenizers, return_tensors):
    found = []
    for package, tokenizer in zip(
        (keras_squeeze, transformers), tokenizers, strict=True
    ):
        samples = [
            {**row, "labels": row["input_ids"]}
            for row in encode(tokenizer, padding="max_length", max_length=20)
        ]
        options = {"return_tensors": "np"}
        batches = [
            collator(samples, return_tensors=return_tensors)
            for collator in (
                package.DataCollatorForTokenClassification(
                    tokenizer, **options
                ),
                package.DataCollatorForLanguageModeling(
                    tokenizer, mlm=False, **options
                ),
                package.DefaultDataCollator(**options),
            )
        ]
        found.append(batches)
    ours, theirs = found
    # Compare with PyTorch batches, so that TensorFlow is not needed.
    for batch, expected in zip(ours, theirs, strict=True):
        assert set(batch) == set(expected)
        for name, value in expected.items():
            assert type(batch[name]) is type(value)
            np.testing.assert_array_equal(
                np.asarray(batch[name]), np.asarray(value)
            )
    collator = keras_squeeze.DataCollatorWithPadding(tokenizers[0])
    for value in collator(samples, return_tensors).values():
        assert type(value) is type(ours[0]["input_ids"])


@pytest.mark.parametrize("name", ["label", "label_ids", "labels"])
@pytest.mark.parametrize("labels", [[0.1, 2.5], [[0.1, 0.0], [1.0, 2.5]]])
@pytest.mark.parametrize("return_tensors", ["np", "tf", "pt", "keras"])
def test_float_labels(tokenizers, name, labels, return_tensors):
    tokenizer = tokenizers[0]
    samples = [
        {"input_ids": [2, 3], name: label, "score": 0.5} for label in labels
    ]
    expected = np.array(labels, "float32")
    for batch in (
        keras_squeeze.default_data_collator(samples, return_tensors),
        keras_squeeze.DataCollatorWithPadding(tokenizer)(
            samples, return_tensors
        ),
    ):
        found = keras.ops.convert_to_numpy(np.asarray(batch["labels"]))
        assert found.dtype == "float32"
        np.testing.assert_array_equal(found, expected)
    if name == "label" and return_tensors != "tf":
        theirs = transformers.default_data_collator(
            samples, "pt" if return_tensors == "keras" else return_tensors
        )
        assert str(theirs["labels"].dtype).endswith("float32")


def test_errors(tokenizers, vocabulary, tmp_path):
    make = keras_squeeze.DataCollatorForLanguageModeling
    for name in ("mlm_probability", "mask_replace_prob", "random_replace_prob"):
        with pytest.raises(ValueError, match=f"`{name}` must be between"):
            make(tokenizers[0], **{name: 1.5})
    with pytest.raises(ValueError, match="must not be more than 1 together"):
        make(tokenizers[0], mask_replace_prob=0.6, random_replace_prob=0.6)
    path = tmp_path / "vocab.txt"
    path.write_text("\n".join(vocabulary[:200]) + "\n", encoding="utf-8")
    tokenizer = keras_squeeze.MobileBertTokenizer(str(path), mask_token=None)
    with pytest.raises(ValueError, match="must have a `mask_token`"):
        make(tokenizer)
    assert make(tokenizer, mlm=False)([[100, 101]])["labels"].shape == (1, 2)
