"""Trains and uses every task in the same way, on any devices."""

import keras
import numpy as np

from keras_squeeze import models
from keras_squeeze.distillation import Distiller
from keras_squeeze.distillation import SimilarityTransfer
from keras_squeeze.distillation import layer_transfers
from keras_squeeze.distillation import masked_lm_transfer
from tests.distillation.students import small_student
from tests.tiny import tiny_backbone
from tests.tiny import vocabulary_of

TEXTS = [
    "it was a warm and sunny day",
    "all is well",
    "cold rain and wind",
    "eve ate cats",
    "ada lived in rome",
    "was it good",
    "rome is sunny and warm",
]
SECOND = ["it was", "rain", "a day", "well", "cats", "all good", "cold"]
VOCABULARY = vocabulary_of([*TEXTS, *SECOND], ".,?")
IDS = [0, 1, 1, 0, 1, 0, 1]
# The weights of samples. Some are zero.
WEIGHTS = np.array([1.0, 0.5, 2.0, 0.0, 1.0, 3.0, 0.25], "float32")
BATCH_SIZE = 5
PAIRS = (TEXTS, SECOND)
WORDS = [text.split() for text in TEXTS]
# The inputs and the labels of each task, and whether it takes weights.
DATA = {
    "TextClassifier": (TEXTS, IDS, True),
    "NextSentencePredictor": (PAIRS, IDS, True),
    "MultipleChoice": (
        {"prompt": TEXTS, "choices": [[a, "rome", "eve"] for a in SECOND]},
        [2, 0, 1, 1, 0, 2, 0],
        True,
    ),
    "TokenClassifier": (
        WORDS,
        [[len(word) % 2 for word in row] for row in WORDS],
        True,
    ),
    "QuestionAnswering": (
        {"question": SECOND, "context": TEXTS},
        {
            "answer_start": [0] * 7,
            "answer_text": [row[0] for row in WORDS],
        },
        True,
    ),
    "MaskedLM": (TEXTS, None, False),
    "Pretraining": (PAIRS, None, False),
}
# SqueezeBERT does not have all tasks.
MODELS = dict.fromkeys([*DATA, "TextEmbedder"], "MobileBert") | {
    "TextClassifier": "SqueezeBert",
    "QuestionAnswering": "SqueezeBert",
    "MaskedLM": "SqueezeBert",
}


def make_task(name, dropout=0.1):
    """Create a small task with the same weights each time."""
    model = MODELS[name]
    keras.utils.set_random_seed(0)
    backbone = tiny_backbone(
        getattr(models, f"{model}Backbone"),
        VOCABULARY,
        max_sequence_length=24,
        initializer_range=0.2,
        dropout=dropout,
        attention_dropout=dropout,
    )
    tokenizer = getattr(models, f"{model}Tokenizer")(VOCABULARY)
    preprocessor = getattr(models, f"{model}{name}Preprocessor")(
        tokenizer, sequence_length=12
    )
    kwargs = {}
    if name in ("TextClassifier", "TokenClassifier"):
        kwargs = {"num_classes": 2, "dropout": dropout}
    if name == "MultipleChoice":
        kwargs = {"dropout": dropout}
    return getattr(models, f"{model}{name}")(
        backbone, preprocessor=preprocessor, **kwargs
    )


def take(data, count):
    """The first samples of a structure of lists."""
    if data is None:
        return None
    if isinstance(data, dict):
        return {name: part[:count] for name, part in data.items()}
    if isinstance(data, tuple):
        return tuple(part[:count] for part in data)
    return data[:count]


def masked(inputs):
    """Mask the first word of each text."""
    if isinstance(inputs, tuple):
        return (masked(inputs[0]), *inputs[1:])
    return [f"[MASK] {text.partition(' ')[2]}" for text in inputs]


def run(name, count=BATCH_SIZE, dropout=0.1):
    """Train, evaluate and use a task.

    The numbers of rows are not multiples of the number of devices.

    Args:
        name: string. The end of the name of the class of the task.
        count: int. The number of samples to train on.
        dropout: float. The dropout rate.

    Returns:
        A dictionary of structures of numbers and strings, and the task.
    """
    x, y, takes_weights = DATA[name]
    x, y = take(x, count), take(y, count)
    task = make_task(name, dropout)
    metrics = task.default_metrics()
    if "weighted_metrics" not in metrics:
        metrics["weighted_metrics"] = metrics["metrics"]
        metrics = keras.tree.map_structure(
            lambda metric: metric.from_config(metric.get_config()), metrics
        )
    task.compile(keras.optimizers.SGD(0.1, momentum=0.9), **metrics)
    weights = {"sample_weight": WEIGHTS[:count]} if takes_weights else {}
    keras.utils.set_random_seed(1)
    history = task.fit(
        x,
        y,
        batch_size=BATCH_SIZE,
        epochs=2,
        verbose=0,
        validation_data=(take(x, 3), take(y, 3)) if y else (take(x, 3),),
        **weights,
    ).history
    keras.utils.set_random_seed(2)
    logs = task.evaluate(
        take(x, 3), take(y, 3), verbose=0, batch_size=4, return_dict=True
    )
    asked = masked(x) if name in ("MaskedLM", "Pretraining") else x
    return {
        "history": history,
        "evaluate": logs,
        "predict": task.predict(take(asked, 3), batch_size=4, verbose=0),
        "annotate": task.annotate(take(asked, 3), batch_size=4),
        "weights": task.get_weights(),
    }, task


def embed():
    """Train and use a text embedder.

    Returns:
        A tuple of structures of numbers and strings.
    """
    embedder = make_task("TextEmbedder", dropout=0.0)
    embedder.compile(keras.optimizers.SGD(0.1), loss="mse")
    vectors = np.random.default_rng(0).normal(size=(len(TEXTS), 16))
    history = embedder.fit(
        TEXTS, vectors, batch_size=4, validation_split=0.3, verbose=0
    ).history
    return (
        history,
        embedder.encode_text(TEXTS[:3], verbose=0),
        embedder.search("rome", TEXTS[:5], top_k=2),
        embedder.get_weights(),
    )


def new_distiller():
    """Create a student, and a batch of the outputs of a teacher.

    Returns:
        A tuple of a `Distiller`, the inputs and the outputs.
    """
    random = np.random.default_rng(0)
    x = {
        "token_ids": random.integers(1, 60, (5, 6)).astype("int32"),
        "segment_ids": np.zeros((5, 6), "int32"),
        "padding_mask": (np.arange(6) < [[6], [3], [4], [6], [2]]).astype(int),
        "mask_positions": random.integers(1, 5, (5, 2)).astype("int32"),
    }
    y = {
        "hidden_1": random.normal(size=(5, 6, 12)).astype("float16"),
        "sentence": random.normal(size=(5, 12)).astype("float16"),
        "masked_words": np.array([[1, 2], [3, -1], [-1, -1], [4, 5], [6, -1]]),
    }
    keras.utils.set_random_seed(0)
    student = small_student(num_layers=1)
    terms = [
        *layer_transfers({1: 1}, teacher_dim=12),
        SimilarityTransfer(weight=0.5),
        masked_lm_transfer(student),
    ]
    return Distiller(student, terms), x, y


def distill():
    """Train a student on outputs of a teacher.

    Returns:
        The history and the weights.
    """
    distiller, x, y = new_distiller()
    distiller.compile(keras.optimizers.SGD(0.1))
    history = distiller.fit(x, y, batch_size=5, epochs=2, verbose=0).history
    return history, distiller.get_weights()


def assert_same(found, expected, tolerance=1e-5):
    """Check that results are equal, apart from rounding."""

    def check(a, b):
        if isinstance(b, str) or b is None:
            assert a == b
        else:
            np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance)

    keras.tree.map_structure(check, found, expected, none_is_leaf=True)
