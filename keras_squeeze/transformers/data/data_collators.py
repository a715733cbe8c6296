"""Data collators, with the API of transformers."""

import collections.abc
import contextlib
import dataclasses

import numpy as np

from keras_squeeze.transformers.models.losses import IGNORED
from keras_squeeze.transformers.tokenizers.base import PreTrainedTokenizerBase
from keras_squeeze.transformers.tokenizers.batch_encoding import BatchEncoding
from keras_squeeze.transformers.tokenizers.sequences import to_lists


def default_data_collator(features, return_tensors="np"):
    """Make a batch of samples that have the same shape.

    The label of a sample, `label` or `label_ids`, becomes `labels` in the
    batch. Values that are not numbers are left out.

    Args:
        features: List of dictionaries, one per sample.
        return_tensors: string. The type of tensors, as in the tokenizers.
            Defaults to `"np"`.

    Returns:
        A dictionary of tensors.

    Example:

    ```python
    keras_squeeze.default_data_collator(
        [{"input_ids": [2, 3], "label": 0}, {"input_ids": [4, 5], "label": 1}]
    )
    ```
    """
    columns = {
        _batch_name(name): [to_lists(row[name]) for row in features]
        for name, value in features[0].items()
        if value is not None and not isinstance(value, str)
    }
    return dict(_to_tensors(BatchEncoding(columns), return_tensors))


@dataclasses.dataclass
class DefaultDataCollator:
    """An object that calls `default_data_collator()`.

    Args:
        return_tensors: string. The type of tensors, as in the tokenizers.
            Defaults to `"np"`; transformers uses `"pt"`.

    Example:

    ```python
    collator = keras_squeeze.DefaultDataCollator()
    collator([{"input_ids": [2, 3]}, {"input_ids": [4, 5]}])
    ```
    """

    return_tensors: str = "np"

    def __call__(self, features, return_tensors=None):
        return default_data_collator(
            features, return_tensors or self.return_tensors
        )


@dataclasses.dataclass
class DataCollatorWithPadding:
    """Makes a batch of samples, padded to the same length.

    Args:
        tokenizer: The tokenizer that made the samples.
        padding: bool or string, as in the call of the tokenizer. Defaults to
            `True`, which pads to the longest sample.
        max_length: Optional int. The length for `padding="max_length"`.
        pad_to_multiple_of: Optional int. The length is rounded up to a multiple
            of it.
        return_tensors: string. The type of tensors, as in the tokenizers.
            Defaults to `"np"`, which the models accept on every backend;
            transformers uses `"pt"`.

    Call arguments:
        features: List of dictionaries, one per sample. The label of a sample,
            `label` or `label_ids`, becomes `labels` in the batch.
        return_tensors: Optional string. Overrides the constructor's value.

    Returns:
        A `BatchEncoding`.

    Example:

    ```python
    tokenizer = keras_squeeze.AutoTokenizer.from_pretrained(
        "mobile_bert_tiny_en_uncased"
    )
    collator = keras_squeeze.DataCollatorWithPadding(tokenizer)
    samples = [tokenizer("Hi!"), tokenizer("Hello, you!")]
    collator([{**sample, "label": 0} for sample in samples])
    ```
    """

    tokenizer: PreTrainedTokenizerBase
    padding: bool | str = True
    max_length: int | None = None
    pad_to_multiple_of: int | None = None
    return_tensors: str = "np"

    def __call__(self, features, return_tensors=None):
        batch = self._pad(features)
        names = {name: _batch_name(name) for name in batch}
        for name, new_name in names.items():
            batch[new_name] = batch.pop(name)
        return _to_tensors(batch, return_tensors or self.return_tensors)

    def _pad(self, features):
        return self.tokenizer.pad(
            features,
            padding=self.padding,
            max_length=self.max_length,
            pad_to_multiple_of=self.pad_to_multiple_of,
        )


@dataclasses.dataclass
class DataCollatorForTokenClassification(DataCollatorWithPadding):
    """Makes a batch of samples that have a label per token.

    The labels are padded along with the samples.

    Args:
        tokenizer: The tokenizer that made the samples.
        padding: As in `DataCollatorWithPadding`.
        max_length: As in `DataCollatorWithPadding`.
        pad_to_multiple_of: As in `DataCollatorWithPadding`.
        return_tensors: As in `DataCollatorWithPadding`.
        label_pad_token_id: int. The label of padding. Defaults to `-100`, which
            the loss ignores.

    Call arguments:
        features: List of dictionaries, one per sample. They may have `labels`
            or `label`, a list with a label per token.
        return_tensors: Optional string. Overrides the constructor's value.

    Returns:
        A `BatchEncoding`.

    Example:

    ```python
    tokenizer = keras_squeeze.AutoTokenizer.from_pretrained(
        "mobile_bert_tiny_en_uncased"
    )
    collator = keras_squeeze.DataCollatorForTokenClassification(tokenizer)
    samples = [tokenizer("Hi!"), tokenizer("Hello, you!")]
    collator([{**x, "labels": [0] * len(x.input_ids)} for x in samples])
    ```
    """

    label_pad_token_id: int = IGNORED

    def __call__(self, features, return_tensors=None):
        name = "label" if "label" in features[0] else "labels"
        if name not in features[0]:
            return super().__call__(features, return_tensors)
        labels = [to_lists(sample[name]) for sample in features]
        batch = self._pad(
            [
                {key: sample[key] for key in sample if key != name}
                for sample in features
            ]
        )
        length = len(batch["input_ids"][0])
        is_right = self.tokenizer.padding_side == "right"
        batch["labels"] = []
        for row in labels:
            padding = [self.label_pad_token_id] * (length - len(row))
            batch["labels"].append(row + padding if is_right else padding + row)
        return _to_tensors(batch, return_tensors or self.return_tensors)


@dataclasses.dataclass
class DataCollatorForLanguageModeling:
    """Makes a padded batch of samples for masked language modeling.

    The labels are the original tokens at the selected positions, and -100,
    which the loss ignores, elsewhere. With the same `seed`, it makes the same
    choices as transformers does with NumPy.

    Args:
        tokenizer: The tokenizer that made the samples.
        mlm: bool. Whether to mask tokens. If `False`, the labels are all tokens
            except padding. Defaults to `True`.
        mlm_probability: float. The fraction of tokens to select. Special tokens
            are never selected. Defaults to `0.15`.
        mask_replace_prob: float. The fraction of selected tokens that become
            `[MASK]`. Defaults to `0.8`.
        random_replace_prob: float. The fraction of selected tokens that become
            a random token. The remaining ones are unchanged. Defaults to `0.1`.
        pad_to_multiple_of: Optional int. The length is rounded up to a multiple
            of it.
        return_tensors: string. The type of tensors, as in the tokenizers.
            Defaults to `"np"`.
        seed: Optional int. Defaults to `None`, which uses NumPy's global state.
            `keras.utils.set_random_seed()` sets that state.

    Call arguments:
        features: List of dictionaries, one per sample, or of lists of token
            ids.
        return_tensors: Optional string. Overrides the constructor's value.

    Returns:
        A `BatchEncoding`.

    Example:

    ```python
    tokenizer = keras_squeeze.AutoTokenizer.from_pretrained(
        "mobile_bert_tiny_en_uncased"
    )
    collator = keras_squeeze.DataCollatorForLanguageModeling(tokenizer)
    collator([tokenizer("Who are you?"), tokenizer("I am fine.")])
    ```
    """

    tokenizer: PreTrainedTokenizerBase
    mlm: bool = True
    mlm_probability: float = 0.15
    mask_replace_prob: float = 0.8
    random_replace_prob: float = 0.1
    pad_to_multiple_of: int | None = None
    return_tensors: str = "np"
    seed: int | None = None

    def __post_init__(self):
        for name in (
            "mlm_probability",
            "mask_replace_prob",
            "random_replace_prob",
        ):
            value = getattr(self, name)
            if not 0 <= value <= 1:
                raise ValueError(
                    f"`{name}` must be between 0 and 1. Received: "
                    f"{name}={value}"
                )
        if self.mask_replace_prob + self.random_replace_prob > 1:
            raise ValueError(
                "`mask_replace_prob` and `random_replace_prob` must not be "
                "more than 1 together. Received: "
                f"mask_replace_prob={self.mask_replace_prob}, "
                f"random_replace_prob={self.random_replace_prob}"
            )
        if self.mlm and self.tokenizer.mask_token is None:
            raise ValueError(
                "`tokenizer` must have a `mask_token` unless `mlm` is False."
            )
        self._random = None
        if self.seed is not None:
            self._random = np.random.default_rng(self.seed)

    def __call__(self, features, return_tensors=None):
        if not isinstance(features[0], collections.abc.Mapping):
            features = [{"input_ids": to_lists(row)} for row in features]
        batch = self.tokenizer.pad(
            features,
            pad_to_multiple_of=self.pad_to_multiple_of,
            return_tensors="np",
        )
        special_tokens_mask = batch.pop("special_tokens_mask", None)
        ids = batch["input_ids"]
        if self.mlm:
            batch["input_ids"], batch["labels"] = self._mask(
                ids, special_tokens_mask
            )
        else:
            batch["labels"] = np.where(
                ids == self.tokenizer.pad_token_id, IGNORED, ids
            )
        return _to_tensors(batch, return_tensors or self.return_tensors)

    def _mask(self, ids, special_tokens_mask):
        """Mask some of the tokens, and return the labels."""
        if special_tokens_mask is None:
            special_tokens_mask = [
                self.tokenizer.get_special_tokens_mask(
                    row, already_has_special_tokens=True
                )
                for row in ids.tolist()
            ]
        is_special = np.asarray(special_tokens_mask, bool)
        is_selected = self._draw(
            np.where(is_special, 0.0, self.mlm_probability)
        )
        labels = np.where(is_selected, ids, IGNORED)
        rate = np.full(ids.shape, self.mask_replace_prob)
        is_masked = self._draw(rate) & is_selected
        ids = np.where(is_masked, self.tokenizer.mask_token_id, ids)
        if self.random_replace_prob:
            # The rate is among the selected tokens that were not masked.
            rate[:] = self.random_replace_prob / (1 - self.mask_replace_prob)
            is_random = self._draw(rate) & is_selected & ~is_masked
            draw = np.random.randint
            if self._random is not None:
                draw = self._random.integers
            ids[is_random] = draw(
                0, len(self.tokenizer), is_random.sum(), dtype="int64"
            )
        return ids, labels

    def _draw(self, rates):
        random = np.random if self._random is None else self._random
        return random.binomial(1, rates).astype(bool)


def _to_tensors(batch, tensor_type):
    """Convert a batch to tensors, with non-integer labels as float32."""
    labels = batch.get("labels")
    # `convert_to_tensors()` reports lists of different lengths.
    with contextlib.suppress(ValueError, TypeError):
        if labels is not None and np.asarray(labels).dtype == "float64":
            batch["labels"] = np.asarray(labels, "float32")
    return batch.convert_to_tensors(tensor_type)


def _batch_name(name):
    """Convert a field name of a sample to its name in the batch."""
    return "labels" if name in ("label", "label_ids") else name
