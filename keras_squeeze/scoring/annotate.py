"""Adds answers to batches of rows, for any engine that processes batches."""

import json
import os
import typing

import numpy as np
from keras import ops

from keras_squeeze import validation
from keras_squeeze.checkpoints.from_preset import classes_with_head
from keras_squeeze.datasets.multiple_choice_files import check_choices
from keras_squeeze.export.phones.metadata import DECISION_FILE
from keras_squeeze.export.phones.metadata import LABELS_FILE
from keras_squeeze.export.phones.metadata import VOCABULARY_FILE
from keras_squeeze.export.phones.metadata import read_files
from keras_squeeze.export.runner import TFLiteModel
from keras_squeeze.models.class_names import softmax
from keras_squeeze.models.decisions import Decision
from keras_squeeze.models.preprocessors.text_preprocessor import (
    TextPreprocessor,
)
from keras_squeeze.models.tasks.array_batches import PREDICTION_TOKENS
from keras_squeeze.models.tasks.masked_lm import MaskedLM
from keras_squeeze.models.tasks.multiple_choice import MultipleChoice
from keras_squeeze.models.tasks.next_sentence_predictor import (
    NextSentencePredictor,
)
from keras_squeeze.models.tasks.question_answering import QuestionAnswering
from keras_squeeze.models.tasks.text_classifier import TextClassifier
from keras_squeeze.models.tasks.text_embedder import TextEmbedder
from keras_squeeze.models.tasks.token_classifier import TokenClassifier
from keras_squeeze.tokenizers.bert_word_piece_tokenizer import (
    BertWordPieceTokenizer,
)


class Kind(typing.NamedTuple):
    """What a task reads, and what it answers.

    Args:
        cls: The base class of the tasks.
        least: int. The lowest number of text columns.
        most: int or `None`. The highest one. `None` is for a prompt and any
            number of choices.
        columns: Dictionary of the columns of the answers and their dtypes.
            `"json"` is for a single column with a list for each row.
    """

    cls: type
    least: int
    most: int | None
    columns: dict

    def num_texts(self, text_columns):
        """How many of the text columns must have a text in each row."""
        return 1 if self.most is None else len(text_columns)


_LABEL = {"label": "object", "score": "float64"}
_ANSWER = {"answer": "object", "score": "float64"}
_SPAN = {**_ANSWER, "start": "int64", "end": "int64"}

# By the names of the command line. If a preset has several heads, the first
# one is used.
TASKS = {
    "text_classification": Kind(TextClassifier, 1, 2, _LABEL),
    "token_classification": Kind(TokenClassifier, 1, 1, {"entities": "json"}),
    "question_answering": Kind(QuestionAnswering, 2, 2, _SPAN),
    "multiple_choice": Kind(
        MultipleChoice, 2, None, {"label": "int64", **_ANSWER}
    ),
    "next_sentence": Kind(NextSentencePredictor, 2, 2, _LABEL),
    "masked_lm": Kind(MaskedLM, 1, 2, {"masks": "json"}),
    # Every preset has it, so it is only used if it is asked for.
    "text_embedding": Kind(TextEmbedder, 1, 2, {"embedding": "float32"}),
}


class Annotate:
    """Adds the answers of a model to batches of rows.

    It is made for Ray Data's `map_batches()`, which creates one per worker and
    then calls it with batches, and works with every engine that maps a
    function over batches of columns. It imports none of them. An `Annotate`
    can be pickled: the other process loads the model itself.

    The columns that are added depend on the task:

    | Task | Columns |
    |---|---|
    | `text_classification` | `label`, `score` |
    | with `multi_label` | `labels`: JSON, a list of labels and scores |
    | with one number per text | `score` |
    | `token_classification` | `entities`: JSON, a list of entities |
    | `question_answering` | `answer`, `score`, `start`, `end` |
    | `multiple_choice` | `label`: the index of the choice, `answer`, `score` |
    | `next_sentence` | `label`, `score` |
    | `masked_lm` | `masks`: JSON, a list with the likeliest word per mask |
    | `text_embedding` | `embedding`: float32, of shape `(batch, hidden_dim)` |

    Args:
        model: string or `os.PathLike`. A preset, as for `from_preset()`, or a
            `.tflite` file of a classifier or an embedder.
        text_column: string, or a list of strings. The name of the text column.
            Two are for pairs of texts, or for a question and its context. For
            multiple choice, the first one has the prompts. The second one has
            lists of choices, or each of the others has a choice. Last choices
            can be missing. Defaults to `"text"`.
        task: Optional string. The task to use if the preset has several, one
            of the names in the table. Defaults to the first task of the
            preset. It must be `None` for a file.
        tokenizer: Optional string. For a file, the preset that has its
            tokenizer and the names of its classes. A file that takes text, or
            that has metadata, needs none: its tokenizer is in the file.
        batch_tokens: int. The number of tokens, with padding, that a preset
            computes at once. Texts of similar length are computed together,
            so a large batch of rows needs little padding. A GPU needs more
            than the default. Defaults to `4096`.
        prefix: string. Put before the names of the added columns. Defaults to
            `""`.

    Raises:
        ValueError: If an argument is invalid, or the model has another task.

    Example:

    ```python
    annotate = keras_squeeze.scoring.Annotate(
        "mobile_bert_tiny_en_uncased_sms_spam", text_column="message"
    )
    annotate({"id": [1, 2], "message": ["See you at nine", "You won! Call"]})
    # {"id": [1, 2], "message": [...], "label": ["ham", "spam"],
    #  "score": [0.99, 0.98]}
    ```
    """

    def __init__(
        self,
        model,
        text_column="text",
        task=None,
        tokenizer=None,
        batch_tokens=PREDICTION_TOKENS,
        prefix="",
    ):
        self._arguments = (
            model,
            text_column,
            task,
            tokenizer,
            batch_tokens,
            prefix,
        )
        validation.check_positive_int("batch_tokens", batch_tokens)
        self.text_columns = column_names(text_column)
        self.prefix = prefix
        model = os.fspath(model)
        if is_file(model):
            if task is not None:
                raise ValueError(
                    "`task` must be None for a `.tflite` file. Received: "
                    f"task={task!r}, model={model!r}"
                )
            self._num_texts = len(self.text_columns)
            self._scorer = _FileScorer(model, tokenizer, self.text_columns)
        else:
            if tokenizer is not None:
                raise ValueError(
                    "`tokenizer` must be None unless `model` is a `.tflite` "
                    f"file. Received: tokenizer={tokenizer!r}, model={model!r}"
                )
            name = find_task(model, task)
            check_count(name, self.text_columns)
            self._num_texts = TASKS[name].num_texts(self.text_columns)
            self._scorer = _TaskScorer(model, name, batch_tokens)

    def __reduce__(self):
        return type(self), self._arguments

    def __call__(self, batch):
        """Add the columns of the answers to a batch.

        Args:
            batch: Dictionary of arrays or lists, by the names of the columns.

        Returns:
            A dictionary of the same columns and of NumPy arrays, the answers.

        Raises:
            ValueError: If a text column is missing or has other values than
                strings, or a column of the answers exists already.
        """
        check_columns(list(batch), self.text_columns)
        check_free(list(batch), self.columns)
        texts = [_values_of(batch[name]) for name in self.text_columns]
        for i, name in enumerate(self.text_columns[: self._num_texts]):
            _check_strings(name, texts[i])
        return {**batch, **self.answers(texts)}

    @property
    def columns(self):
        """List of strings. The names of the columns of the answers."""
        return [f"{self.prefix}{name}" for name in self._scorer.columns]

    def answers(self, texts):
        """Compute the columns that are added to a batch.

        Args:
            texts: List that has a list for each text column, of strings or of
                choices.

        Returns:
            A dictionary of NumPy arrays, also if there are no texts.
        """
        columns = self._scorer.score(texts)
        return {f"{self.prefix}{name}": x for name, x in columns.items()}

    def try_out(self):
        """Compute the answers of a text, to find out if the model works."""
        self.answers(self._scorer.example(len(self.text_columns)))


def column_names(text_column):
    """The names of the text columns as a list.

    Args:
        text_column: The argument of `Annotate`.

    Returns:
        A list of strings.

    Raises:
        ValueError: If the argument is anything else.
    """
    names = text_column
    if isinstance(names, str):
        names = [names]
    is_valid = isinstance(names, (list, tuple)) and all(
        isinstance(name, str) for name in names
    )
    if not is_valid or len(set(names)) != len(names) or not names:
        raise ValueError(
            "`text_column` must be the name of a column, or a list of "
            f"different ones. Received: text_column={text_column!r}"
        )
    return list(names)


def check_count(task, text_columns):
    """Raise a `ValueError` if a task needs another number of text columns.

    Args:
        task: string or `None`. A name in `TASKS`, or `None` for a file.
        text_columns: List of strings.
    """
    least, most = 1, 2
    if task is not None:
        least, most = TASKS[task].least, TASKS[task].most
    count = len(text_columns)
    if count >= least and (most is None or count <= most):
        return
    expected = least if least == most else f"{least} or {most}"
    if most is None:
        expected = f"at least {least}"
    raise ValueError(
        f"`text_column` must have {expected} columns for {task or 'a file'}. "
        f"Received: text_column={text_columns}"
    )


def is_file(model):
    """Whether a model is a `.tflite` file instead of a preset.

    Args:
        model: string. The argument of `Annotate`.

    Returns:
        bool.
    """
    return model.endswith(".tflite")


def check_columns(names, text_columns):
    """Raise a `ValueError` if a text column is missing.

    Args:
        names: List of strings. The columns that exist.
        text_columns: List of strings. The columns to read.
    """
    for name in text_columns:
        if name not in names:
            raise ValueError(
                f"There is no column {name!r} of texts. Received: the columns "
                f"{names}"
            )


def check_free(names, answers):
    """Raise a `ValueError` if columns with the names of the answers exist.

    Args:
        names: List of strings. The columns that exist.
        answers: List of strings. The columns of the answers.
    """
    taken = [name for name in answers if name in names]
    if taken:
        raise ValueError(
            f"The columns {taken} of the answers exist already. Pass a "
            f"`prefix` for their names. Received: the columns {names}"
        )


def find_task(preset, task=None):
    """Find the task that a preset is used for.

    Args:
        preset: string. A preset, as for `from_preset()`.
        task: Optional string. A name in `TASKS`.

    Returns:
        string. A name in `TASKS`.

    Raises:
        ValueError: If there is no such task or preset, or the preset lacks the
            task.
    """
    if task is not None and task not in TASKS:
        raise ValueError(
            f"`task` must be one of {list(TASKS)}. Received: task={task!r}"
        )
    found = classes_with_head(preset, [kind.cls for kind in TASKS.values()])
    if task == "text_embedding":
        return task
    names = [name for name, kind in TASKS.items() if kind.cls in found]
    if task is not None:
        names = [name for name in names if name == task]
    if not names:
        raise ValueError(
            f"The preset `{preset}` is not fine-tuned for "
            f"{task or 'a task that scores texts'}. With "
            '"text_embedding", which every preset has, it computes vectors.'
        )
    return names[0]


class _TaskScorer:
    """Scores texts with a task of a preset.

    Args:
        preset: string.
        name: string. A name in `TASKS`.
        batch_tokens: int.

    Attributes:
        columns: Dictionary of the columns of the answers and their dtypes.
    """

    def __init__(self, preset, name, batch_tokens):
        kind = TASKS[name]
        self.name = name
        self.task = kind.cls.from_preset(preset)
        self.task.batch_tokens = batch_tokens
        self.columns = kind.columns
        if getattr(self.task, "multi_label", False):
            self.columns = {"labels": "json"}
        elif getattr(self.task, "problem_type", None) == "regression":
            self.columns = {"score": "float64"}

    def score(self, texts):
        if self.name == "text_embedding":
            return {"embedding": self._vectors(texts)}
        answers = []
        if texts[0]:
            answers = self.task.annotate(self._inputs(texts))
        if self.name == "masked_lm":
            # A text with a single mask has no list.
            answers = [x if isinstance(x, list) else [x] for x in answers]
        return _columns(answers, self.columns)

    def example(self, count):
        text = "a text"
        if self.name == "masked_lm":
            text = self.task.preprocessor.tokenizer.mask_token
        columns = [[text] for _ in range(count)]
        if self.name == "multiple_choice" and count == 2:
            columns[1] = [[text]]
        return columns

    def _inputs(self, texts):
        if self.name == "question_answering":
            return dict(zip(("question", "context"), texts, strict=True))
        if self.name == "multiple_choice":
            prompts, *choices = texts
            rows = choices[0]
            if len(choices) > 1:
                rows = map(list, zip(*choices, strict=True))
            return {
                "prompt": prompts,
                "choices": [check_choices("A row", row) for row in rows],
            }
        return tuple(texts) if len(texts) == 2 else texts[0]

    def _vectors(self, texts):
        if not texts[0]:
            return np.zeros((0, self.task.backbone.hidden_dim), "float32")
        vectors = self.task.predict(self._inputs(texts), verbose=0)
        return np.asarray(vectors, "float32")


class _FileScorer:
    """Scores texts with a `.tflite` file, one at a time.

    Args:
        filepath: string. The file.
        tokenizer: string or `None`. The preset with the tokenizer.
        text_columns: List of strings.
    """

    def __init__(self, filepath, tokenizer, text_columns):
        check_count(None, text_columns)
        self.names = None
        self.decision = None
        preprocessor = None
        if tokenizer is not None:
            cls = TASKS[_task_of_tokenizer(tokenizer)].cls
            task = cls.from_preset(tokenizer, load_weights=False)
            preprocessor = task.preprocessor
            if hasattr(task, "names_of_classes"):
                self.names = task.names_of_classes()
            self.decision = getattr(task, "decision", None)
        self.model = TFLiteModel(filepath, preprocessor)
        files = read_files(filepath)
        if self.names is None:
            self.names = files.get(LABELS_FILE)
        if self.decision is None:
            (text,) = files.get(DECISION_FILE, ["{}"])
            self.decision = Decision.from_json(text)
        if not self.model.num_texts and preprocessor is None:
            self.model.preprocessor = _preprocessor_of(filepath, files)
        self.output = _output_of(filepath, self.model)
        self.columns = _LABEL
        if self.output == "embedding":
            self.columns = {"embedding": "float32"}
        elif self.output == "score":
            self.columns = {"score": "float64"}
        elif self.decision.multi_label:
            self.columns = {"labels": "json"}
        self._check_names(filepath)
        count = self.model.num_texts
        if count and count != len(text_columns):
            raise ValueError(
                f"`text_column` must have {count} columns for the file "
                f"{filepath!r}. Received: text_column={text_columns}"
            )

    def _check_names(self, filepath):
        shape, _ = self.model.outputs[self.output]
        is_of_classes = self.output in ("probabilities", "logits")
        if is_of_classes and self.names and len(self.names) != shape[-1]:
            raise ValueError(
                f"The file {filepath!r} must have one output per class. "
                f"Received: {shape[-1]} outputs, and the classes {self.names}"
            )

    def score(self, texts):
        rows = np.zeros((0, *self.model.outputs[self.output][0][1:]), "float32")
        if texts[0]:
            rows = self.model.predict(
                tuple(texts) if len(texts) == 2 else texts[0]
            )
        if self.output == "embedding":
            return {"embedding": np.asarray(rows, "float32")}
        if self.output == "score":
            return {"score": np.ravel(rows).astype("float64")}
        if self.output == "logits":
            rows = self._probabilities(rows)
        names = self.names or [f"LABEL_{i}" for i in range(rows.shape[-1])]
        return _columns(self.decision.answers(rows, names), self.columns)

    def example(self, count):
        return [["a text"] for _ in range(count)]

    def _probabilities(self, logits):
        if self.decision.multi_label:
            return ops.convert_to_numpy(ops.sigmoid(logits))
        return softmax(logits)


def _task_of_tokenizer(preset):
    """The task of a preset, or an embedder for one without a head."""
    try:
        return find_task(preset)
    except ValueError:
        return find_task(preset, "text_embedding")


def _preprocessor_of(filepath, files):
    """The preprocessor whose vocabulary is in the metadata of a file."""
    if VOCABULARY_FILE not in files:
        raise ValueError(
            f"The file {filepath!r} has no metadata with its vocabulary. Pass "
            "the preset that it was exported from as `tokenizer`."
        )
    # Only files of tokenizers with the settings of uncased BERT have metadata.
    return TextPreprocessor(BertWordPieceTokenizer(files[VOCABULARY_FILE]))


def _output_of(filepath, model):
    """The name of the output of a file that has one value per text."""
    known = ("probabilities", "score", "logits", "embedding")
    shapes = {name: shape for name, (shape, _) in model.outputs.items()}
    if len(shapes) == 1:
        ((name, shape),) = shapes.items()
        if name in known and len(shape) == 2:
            return name
    raise ValueError(
        f"The file must have one output per text, named {' or '.join(known)}, "
        f"as of a classifier or an embedder. Received: the file {filepath!r} "
        f"with the outputs {shapes}"
    )


def _values_of(values):
    """A column as a list, of strings or of lists of strings."""
    values = values.tolist() if hasattr(values, "tolist") else list(values)
    return [x.tolist() if hasattr(x, "tolist") else x for x in values]


def _check_strings(name, values):
    for i, text in enumerate(values):
        if not isinstance(text, str):
            raise ValueError(
                f"The column {name!r} must have strings. Received: "
                f"{text!r} in row {i}"
            )


def _columns(answers, dtypes):
    """Turn answers into columns."""
    if "json" in dtypes.values():
        (name,) = dtypes
        texts = (json.dumps(x, ensure_ascii=False) for x in answers)
        return {name: np.fromiter(texts, "object", len(answers))}
    return {
        name: np.fromiter(
            (answer[name] for answer in answers), dtype, len(answers)
        )
        for name, dtype in dtypes.items()
    }
