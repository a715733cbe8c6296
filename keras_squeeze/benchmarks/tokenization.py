"""Compares the speed of preprocessing with KerasHub and transformers."""

import contextlib
import os
import pathlib
import statistics
import tempfile
import time

import keras_hub
import tensorflow as tf

from keras_squeeze.models.mobile_bert.mobile_bert_tasks import (
    MobileBertTextClassifierPreprocessor,
)
from keras_squeeze.models.mobile_bert.mobile_bert_tasks import (
    MobileBertTokenizer,
)


def run(sentences, sequence_length=128, repeats=5, vocabulary=None):
    """Measure preprocessors on the same sentences, in one process.

    Each preprocessor gets all sentences at once, and pads and truncates them
    to arrays. The measurements alternate, so that other load on the machine
    affects all of them, and the median is reported. `tokenizers` is limited to
    one thread. TensorFlow is only limited if the environment variables
    `TF_NUM_*_THREADS` are set.

    A direct call of this package's preprocessor is faster on text whose words
    it has seen before. The rows named "new text" are the first pass over the
    second half of the sentences, by a preprocessor that has only seen the first
    half.

    Args:
        sentences: list of strings.
        sequence_length: int. The length of the outputs.
        repeats: int. The number of measurements of each.
        vocabulary: list of strings. The vocabulary of all preprocessors. If
            `None`, the vocabulary of `"mobile_bert_tiny_en_uncased"`.

    Returns:
        A list of dictionaries with the keys `"name"`, `"sentences_per_second"`
        and `"ratio"`, the speedup of this package in the same mode. There is no
        row for transformers if it is not installed.

    Example:

    ```python
    (sentences, _), _ = keras_squeeze.datasets.sms_spam.load_data()
    for row in keras_squeeze.benchmarks.tokenization.run(list(sentences)):
        print(row["name"], row["sentences_per_second"])
    ```
    """
    if vocabulary is None:
        vocabulary = MobileBertTokenizer.from_preset(
            "mobile_bert_tiny_en_uncased"
        ).get_vocabulary()
    middle = len(sentences) // 2
    if middle == 0:
        raise ValueError(
            "`sentences` must have at least two sentences. Received: "
            f"{len(sentences)}"
        )

    def ours():
        return MobileBertTextClassifierPreprocessor(
            MobileBertTokenizer(vocabulary), sequence_length=sequence_length
        )

    keras_hub_preprocessor = keras_hub.models.BertTextClassifierPreprocessor(
        keras_hub.models.BertTokenizer(vocabulary, lowercase=True),
        sequence_length=sequence_length,
    )
    functions = {
        "keras_squeeze": ours(),
        "keras_squeeze, new text": None,
        "keras_hub": keras_hub_preprocessor,
        "transformers": _transformers(vocabulary, sequence_length),
        "keras_squeeze, graph": _in_graph(ours()),
        "keras_hub, graph": _in_graph(keras_hub_preprocessor),
    }
    if functions["transformers"] is None:
        del functions["transformers"]
    tensor = tf.constant(sentences)
    seconds = {name: [] for name in functions}
    with _one_tokenizers_thread():
        for repeat in range(repeats + 1):
            for name, function in functions.items():
                inputs = tensor if "graph" in name else sentences
                if function is None:
                    function = ours()
                    function(sentences[:middle])
                    inputs = sentences[middle:]
                start = time.perf_counter()
                function(inputs)
                duration = time.perf_counter() - start
                # The first pass is not measured, because it builds everything.
                if repeat > 0:
                    seconds[name].append(duration / len(inputs))

    speeds = {
        name: 1 / statistics.median(values) for name, values in seconds.items()
    }
    return [
        {
            "name": name,
            "sentences_per_second": speed,
            "ratio": speeds[
                "keras_squeeze, graph" if "graph" in name else "keras_squeeze"
            ]
            / speed,
        }
        for name, speed in speeds.items()
    ]


def _in_graph(preprocessor):
    return tf.function(
        lambda sentences: preprocessor(sentences),
        input_signature=[tf.TensorSpec([None], tf.string)],
    )


def _transformers(vocabulary, sequence_length):
    """Return the fast tokenizer of transformers, or `None`."""
    try:
        import transformers
    except ImportError:
        return None
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "vocab.txt"
        path.write_text("\n".join(vocabulary) + "\n", encoding="utf-8")
        tokenizer = transformers.BertTokenizerFast(str(path))
    return lambda sentences: tokenizer(
        sentences,
        padding="max_length",
        truncation=True,
        max_length=sequence_length,
        return_tensors="np",
    )


@contextlib.contextmanager
def _one_tokenizers_thread():
    """Keep `tokenizers` from using several cores."""
    before = os.environ.get("TOKENIZERS_PARALLELISM")
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    try:
        yield
    finally:
        if before is None:
            del os.environ["TOKENIZERS_PARALLELISM"]
        else:
            os.environ["TOKENIZERS_PARALLELISM"] = before
