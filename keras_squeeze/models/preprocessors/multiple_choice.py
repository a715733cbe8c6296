"""Preprocessing for multiple choice."""

import collections
import numbers

import keras
import numpy as np

from keras_squeeze.keras_hub_seam import in_tf_function
from keras_squeeze.models.preprocessors.text_preprocessor import (
    TextPreprocessor,
)
from keras_squeeze.models.preprocessors.text_preprocessor import first_if
from keras_squeeze.tokenizers.arrays import library_of
from keras_squeeze.tokenizers.arrays import to_int32
from keras_squeeze.tokenizers.texts import named_texts
from keras_squeeze.tokenizers.texts import ragged_rows
from keras_squeeze.tokenizers.texts import samples_of

# Prompts and choices, both as flat lists; which choices each prompt has, and
# how many; and whether it is a batch instead of a single prompt.
Choices = collections.namedtuple(
    "Choices", ["prompts", "choices", "is_choice", "counts", "is_batched"]
)


class MultipleChoicePreprocessor(TextPreprocessor):
    """Base class for multiple choice preprocessing layers.

    It takes `x`, `y` and `sample_weight`. `x` is a dictionary:

    - `"prompt"`: A string or a batch of strings.
    - `"choices"`: For each prompt, a list of any number of strings, its
      choices. In a `tf.data` pipeline, a ragged or dense tensor. `None` stands
      for a missing choice.

    `y` is optional and has the index of the correct choice for each prompt.
    `sample_weight` is optional and passed through.

    The output is `x`, `(x, y)` or `(x, y, sample_weight)`, where `x` is a
    dictionary of int32 tensors of shape `(batch_size, num_choices,
    sequence_length)`, without the first axis for a single prompt:

    - `"token_ids"`: `[CLS]`, the prompt, `[SEP]`, the choice, `[SEP]`,
      `[PAD]`.
    - `"segment_ids"`: 0 for the tokens of the prompt and 1 for those of the
      choice.
    - `"padding_mask"`: 1 for tokens and 0 for padding.

    `num_choices` is the largest number of choices of any prompt. Other prompts
    are padded with choices that are all padding.

    Raises:
        ValueError: if an argument is invalid, if `x` is invalid or a prompt
            has no choices, or if a label is not the index of a choice.

    Example:

    ```python
    cls = keras_squeeze.models.MobileBertMultipleChoicePreprocessor
    preprocessor = cls.from_preset(
        "mobile_bert_tiny_en_uncased", sequence_length=64
    )
    preprocessor(
        {
            "prompt": ["It rains, so she takes"],
            "choices": [["a nap.", "an umbrella."]],
        }
    )
    ```
    """

    def call(self, x, y=None, sample_weight=None):
        choices = read_choices(x)
        if y is not None:
            y = check_choice_labels(y, choices)
        packed = self._pack_choices(choices)
        padding = {"token_ids": self.tokenizer.pad_token_id}
        x = {
            name: _spread(rows, choices.is_choice, padding.get(name, 0))
            for name, rows in packed.items()
        }
        x = self.for_caller(first_if(not choices.is_batched, x))
        return keras.utils.pack_x_y_sample_weight(x, y, sample_weight)

    def check_inputs(self, x):
        # The task has already read the choices.
        pass

    def serving_inputs(self, x):
        """Preprocess raw inputs for a file that runs without Keras.

        Args:
            x: The raw inputs of the task.

        Returns:
            A dictionary of arrays by the names of the backbone's inputs. They
            have one row per choice: those of the first prompt, and so on.
        """
        return self._pack_choices(read_choices(x))

    def _pack_choices(self, choices):
        lib = library_of(choices.counts)
        ids, lengths = self.tokenizer.tokenize_rows(choices.prompts)
        starts = lib.cumsum(lengths) - lengths
        # A prompt is only tokenized once for all its choices.
        prompts = [lib.repeat(x, choices.counts) for x in (lengths, starts)]
        return self.pack(
            ((ids, *prompts), self.tokenizer.tokenize_rows(choices.choices))
        )


def read_choices(x):
    """Read the prompts and choices that a preprocessor was called on.

    Args:
        x: Dictionary with the raw inputs `"prompt"` and `"choices"`.

    Returns:
        A tuple of `prompts` and `choices`, lists of strings, or in a
        TensorFlow graph string tensors of rank 1; `is_choice`, a bool array
        or tensor of shape `(num_prompts, num_choices)` that is `True` for
        existing choices; `counts`, the number of choices of each prompt; and
        `is_batched`, a bool.

    Raises:
        ValueError: if `x` is invalid, or a prompt has no choices.
    """
    if not isinstance(x, dict) or set(x) != {"prompt", "choices"}:
        keys = f"the keys {sorted(x)}" if isinstance(x, dict) else f"{x!r:.200}"
        raise ValueError(
            '`x` must be a dictionary with the keys "prompt" and "choices". '
            f"Received: {keys}"
        )
    if in_tf_function():
        return _read_choices_in_graph(x["prompt"], x["choices"])
    prompts, nesting = named_texts(x["prompt"], 'x["prompt"]')
    is_batched = nesting is not None
    rows = samples_of(x["choices"], "choices")
    rows = rows if is_batched else [rows]
    if len(rows) != len(prompts):
        raise ValueError(
            '`x["choices"]` must have a list of choices for each prompt. '
            f"Received: {len(rows)} lists for {len(prompts)} prompts"
        )
    for i, row in enumerate(rows):
        if isinstance(row, (str, bytes)) or not hasattr(row, "__len__"):
            raise ValueError(
                "The choices of a prompt must be a list of strings. Received: "
                f"choices={row!r} for prompt {i}"
            )
        if all(choice is None for choice in row):
            raise ValueError(
                "A prompt must have at least one choice. Received: "
                f"choices={list(row)} for prompt {i}"
            )
    is_choice = np.zeros((len(rows), max(map(len, rows), default=0)), "bool")
    for i, row in enumerate(rows):
        is_choice[i, : len(row)] = [choice is not None for choice in row]
    texts = []
    for i, row in enumerate(rows):
        row = [choice for choice in row if choice is not None]
        texts += named_texts(row, f'x["choices"][{i}]')[0]
    return Choices(
        prompts,
        texts,
        is_choice,
        is_choice.sum(axis=1, dtype="int32"),
        is_batched,
    )


def _read_choices_in_graph(prompts, choices):
    import tensorflow as tf

    is_batched = prompts.shape.rank == 1
    if not is_batched:
        prompts, choices = prompts[tf.newaxis], choices[tf.newaxis]
    choices, counts = ragged_rows(choices)
    message = '`x["choices"]` must have a list of choices for each prompt.'
    if not prompts.shape.is_compatible_with(counts.shape):
        raise ValueError(
            f"{message} Received: the shapes {counts.shape} and {prompts.shape}"
        )
    checks = [
        tf.debugging.assert_equal(tf.size(prompts), tf.size(counts), message),
        tf.debugging.assert_positive(
            counts, "A prompt must have at least one choice."
        ),
    ]
    with tf.control_dependencies(checks):
        counts = tf.identity(counts)
    return Choices(
        prompts, choices, tf.sequence_mask(counts), counts, is_batched
    )


def check_choice_labels(y, choices):
    """Check that labels are valid indices of choices.

    Args:
        y: A tensor, array or list of labels, or one for a single prompt.
        choices: The result of `read_choices()`.

    Returns:
        An int32 array, or a tensor inside a `tf.data` pipeline.

    Raises:
        ValueError: If a label is not the index of a choice of its prompt.
    """
    expected = "Labels must be the indices of choices that their prompts have."
    if in_tf_function():
        import tensorflow as tf

        y = tf.cast(y, "int32")
        check = tf.debugging.Assert(
            tf.reduce_all((y >= 0) & (y < choices.counts)),
            [expected, y],
            summarize=10,
        )
        with tf.control_dependencies([check]):
            return tf.identity(y)
    y = np.asarray(y)
    is_choice = choices.is_choice
    labels = y if choices.is_batched else y.reshape(-1)
    if labels.shape != (len(is_choice),):
        raise ValueError(
            f"{expected} Received: labels of the shape {y.shape} for "
            f"{len(is_choice)} prompts"
        )
    for i, label in enumerate(labels.tolist()):
        if not isinstance(label, numbers.Real) or label not in np.flatnonzero(
            is_choice[i]
        ):
            raise ValueError(
                f"{expected} Received: {label!r} for prompt {i} with "
                f"{choices.counts[i]} choices"
            )
    return y.astype("int32")


def _spread(rows, is_choice, padding):
    """Arrange rows by prompt and choice, with padding for missing choices.

    Args:
        rows: Array or tensor of shape `(num_choices_of_all, length)`.
        is_choice: bool array or tensor of shape `(num_prompts, num_choices)`.
        padding: int. The value for missing choices.

    Returns:
        An array or tensor of shape `(num_prompts, num_choices, length)`.
    """
    lib = library_of(rows)
    rows = lib.pad(rows, [[0, 1], [0, 0]], constant_values=padding)
    numbers = lib.cumsum(lib.reshape(to_int32(is_choice), [-1]))
    # The last row is the padding.
    indices = lib.where(
        is_choice, lib.reshape(numbers, lib.shape(is_choice)) - 1, numbers[-1]
    )
    return rows[indices] if lib is np else lib.gather(rows, indices)
