"""How fast text becomes model inputs, next to KerasHub and transformers."""

import contextlib
import os
import pathlib
import statistics
import tempfile
import time

import keras_hub
import tensorflow as tf

from keras_squeeze.models.mobile_bert.mobile_bert_text_classifier import (
    MobileBertTextClassifierPreprocessor,
)
from keras_squeeze.models.mobile_bert.mobile_bert_tokenizer import (
    MobileBertTokenizer,
)


def run(sentences, sequence_length=128, repeats=5, vocabulary=None):
    """Measure preprocessors on the same sentences, in one process.

    Every preprocessor gets all sentences at once and pads and truncates them
    to arrays. The measurements alternate, so that what else the machine does
    hits all of them, and the median is reported. `tokenizers` is kept to one
    thread; TensorFlow is if the environment says so (`TF_NUM_*_THREADS`).

    A direct call of this package's preprocessor is faster on text whose words
    it has come across before. The rows named "new text" are the first pass
    over the second half of the sentences by a preprocessor that has only seen
    the first half.

    Args:
        sentences: list of strings.
        sequence_length: int. The length of the outputs.
        repeats: int. How often each is measured.
        vocabulary: list of strings. The vocabulary of all preprocessors. If
            `None`, that of the preset `"mobile_bert_tiny_en_uncased"`.

    Returns:
        A list of dictionaries with the keys `"name"`, `"sentences_per_second"`
        and `"ratio"`: how many times as fast this package does the same, on
        the same path. There is no row for transformers if it is not installed.

    Example:

    ```python
    (sentences, _), _ = keras_squeeze.datasets.sms_spam.load_data()
    for row in tokenization.run(list(sentences)):
        print(row)
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
    direct = {
        "keras_squeeze": ours(),
        "keras_hub": keras_hub_preprocessor,
    }
    with contextlib.suppress(ImportError):
        direct["transformers"] = _transformers(vocabulary, sequence_length)
    graphs = {
        "keras_squeeze, graph": _in_graph(ours()),
        "keras_hub, graph": _in_graph(keras_hub_preprocessor),
    }
    tensor = tf.constant(sentences)
    seconds = {}

    def measure(name, function, inputs):
        start = time.perf_counter()
        function(inputs)
        seconds.setdefault(name, []).append(
            (time.perf_counter() - start) / len(inputs)
        )

    with _one_tokenizers_thread():
        for repeat in range(repeats + 1):
            for name, function in direct.items():
                measure(name, function, sentences)
            for name, function in graphs.items():
                measure(name, function, tensor)
            newcomer = ours()
            newcomer(sentences[:middle])
            measure("keras_squeeze, new text", newcomer, sentences[middle:])
            if repeat == 0:
                # It is the one in which everything is built.
                seconds.clear()

    speeds = {
        name: 1 / statistics.median(values) for name, values in seconds.items()
    }
    rows = []
    for name, speed in speeds.items():
        reference = (
            "keras_squeeze, graph" if name in graphs else "keras_squeeze"
        )
        rows.append(
            {
                "name": name,
                "sentences_per_second": speed,
                "ratio": speeds[reference] / speed,
            }
        )
    return rows


def _in_graph(preprocessor):
    return tf.function(
        lambda sentences: preprocessor(sentences),
        input_signature=[tf.TensorSpec([None], tf.string)],
    )


def _transformers(vocabulary, sequence_length):
    """Returns the fast tokenizer of transformers, padding to arrays."""
    import transformers

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
    """Keep `tokenizers` from spreading a call over all cores."""
    before = os.environ.get("TOKENIZERS_PARALLELISM")
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    try:
        yield
    finally:
        if before is None:
            del os.environ["TOKENIZERS_PARALLELISM"]
        else:
            os.environ["TOKENIZERS_PARALLELISM"] = before
