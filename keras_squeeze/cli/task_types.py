"""Defines the files, inputs and answers of each task on the command line."""

import json
import pathlib
import textwrap

import numpy as np

from keras_squeeze import distillation
from keras_squeeze.checkpoints.from_preset import classes_with_head
from keras_squeeze.checkpoints.hugging_face import has_head
from keras_squeeze.cli.training import Objective
from keras_squeeze.datasets import conll
from keras_squeeze.datasets.multiple_choice_files import read_multiple_choice
from keras_squeeze.datasets.samples import Samples
from keras_squeeze.datasets.samples import WeightedSamples
from keras_squeeze.datasets.samples import object_array
from keras_squeeze.datasets.squad import read_squad
from keras_squeeze.datasets.text_files import read_labelled_texts
from keras_squeeze.datasets.text_files import read_text_pairs
from keras_squeeze.datasets.text_files import read_texts
from keras_squeeze.datasets.text_files import sorted_names
from keras_squeeze.metrics.correlation import pearson
from keras_squeeze.metrics.correlation import spearman
from keras_squeeze.metrics.entities import entity_scores
from keras_squeeze.metrics.squad import squad_scores
from keras_squeeze.models.class_names import labels_to_ids
from keras_squeeze.models.tasks.masked_lm import MaskedLM
from keras_squeeze.models.tasks.multiple_choice import MultipleChoice
from keras_squeeze.models.tasks.next_sentence_predictor import (
    NextSentencePredictor,
)
from keras_squeeze.models.tasks.pretraining import Pretraining
from keras_squeeze.models.tasks.question_answering import QuestionAnswering
from keras_squeeze.models.tasks.text_classifier import TextClassifier
from keras_squeeze.models.tasks.text_embedder import TextEmbedder
from keras_squeeze.models.tasks.token_classifier import TokenClassifier


class TaskType:
    """Base class of the tasks on the command line.

    Attributes:
        name: string. The name on the command line.
        task_class: The class whose `from_preset()` makes the task.
        files_help: string. Describes the files that `finetune` reads.
        texts_help: string. Describes the texts that `predict` takes.
        sequence_length: int. The default maximum number of tokens per text.
        is_in_every_preset: bool. Whether the task needs no head.
        can_have_teacher: bool. Whether `with_teacher()` is implemented.
        can_calibrate: bool. Whether `calibrate()` is implemented.
        can_weigh_classes: bool. Whether classes can have weights in the loss.
        can_fit_head: bool. Whether the task has `fit_head()`.
    """

    name = None
    task_class = None
    files_help = None
    texts_help = None
    sequence_length = 128
    is_in_every_preset = False
    can_have_teacher = False
    can_calibrate = False
    can_weigh_classes = False
    can_fit_head = False

    def read(self, path, args):
        """Read a file of samples.

        Args:
            path: string. The file.
            args: The arguments of the command.

        Returns:
            The contents of the file, in the form that `task_kwargs()` and
            `samples()` take.
        """
        raise NotImplementedError

    def task_kwargs(self, data, args):
        """The arguments of a new task.

        Args:
            data: The result of `read()` for the training file.
            args: The arguments of the command.

        Returns:
            A dictionary of arguments for `from_preset()`.
        """
        return {}

    def samples(self, data, task_kwargs):
        """Convert the contents of a file to the form that `fit()` takes.

        Args:
            data: The result of `read()`.
            task_kwargs: Dictionary. The result of `task_kwargs()`.

        Returns:
            A `keras_squeeze.datasets.samples.Samples`.
        """
        return data

    def prepare(self, task, samples):
        """Change a task before it is trained.

        Args:
            task: The task.
            samples: The `Samples` to train on.
        """

    def objective(self, task_kwargs, validation):
        """Define which epoch is the best.

        Args:
            task_kwargs: Dictionary. The result of `task_kwargs()`.
            validation: The `Samples` to validate on.

        Returns:
            A `keras_squeeze.cli.training.Objective`.
        """
        return Objective("val_loss", lower_is_better=True)

    def strata(self, samples):
        """Assign samples to groups, for stratified validation samples.

        Args:
            samples: The `Samples`.

        Returns:
            An int array of shape `(len(samples),)`.
        """
        return np.zeros(len(samples), "int32")

    def scores(self, task, samples):
        """Evaluate a task with the standard metrics of its field.

        Args:
            task: The task.
            samples: The `Samples` to validate on.

        Returns:
            A dictionary of floats, whose names start with `val_`. It is empty
            if the metrics of `fit()` are sufficient.
        """
        return {}

    def read_unlabelled(self, path, args):
        """Read samples that only a teacher labels.

        Args:
            path: string. The file.
            args: The arguments of the command.

        Returns:
            A `Samples` whose labels mean that there is none.
        """
        raise NotImplementedError

    def with_teacher(
        self, train, task_kwargs, sequence_length, load_or_make, dtype, args
    ):
        """Add the predictions of a teacher to the samples.

        Args:
            train: The `Samples`.
            task_kwargs: Dictionary. The result of `task_kwargs()`.
            sequence_length: int. The number of tokens that the teacher reads
                at once.
            load_or_make: A function that loads the array of predictions of an
                interrupted training run, or calls the function it is given to
                make it.
            dtype: string. The dtype policy of the teacher.
            args: The arguments of the command. Its `teacher` is a preset of
                the same task, or the folder of a Hugging Face checkpoint.

        Returns:
            A tuple of the `Samples` to train on, and a dictionary of arguments
            for `compile()` of the task.

        Raises:
            ValueError: If the teacher has different classes.
        """
        raise NotImplementedError

    def teacher(
        self, hugging_face_class, class_names, sequence_length, dtype, args
    ):
        """Load a teacher.

        Args:
            hugging_face_class: The class of `keras_squeeze.distillation` for
                checkpoints of other models than those of this package.
            class_names: List of the names of the classes, or `None` if the
                task has none.
            sequence_length: int. The number of tokens that it reads at once.
            dtype: string. The dtype policy.
            args: The arguments of the command, with the `teacher`.

        Returns:
            A task, or an instance of `hugging_face_class`.

        Raises:
            ValueError: If the teacher has different classes.
        """
        path = pathlib.Path(args.teacher) / "config.json"
        if path.is_file():
            config = json.loads(path.read_text(encoding="utf-8"))
            own = (None, "mobilebert", "squeezebert")
            if config.get("model_type") not in own:
                kwargs = {"sequence_length": sequence_length}
                if class_names is not None:
                    kwargs["class_names"] = class_names
                dtype = dtype.removeprefix("mixed_")
                return hugging_face_class(args.teacher, dtype=dtype, **kwargs)
        task = self.task_class.from_preset(args.teacher, dtype=dtype)
        names = getattr(task, "class_names", None)
        if names != class_names:
            raise ValueError(
                f"`{args.teacher}` must be a classifier with the classes "
                f"{class_names}. Received: {names}"
            )
        task.preprocessor.sequence_length = sequence_length
        return task

    def calibrate(self, task, samples, args):
        """Choose the temperature and the thresholds of a trained task.

        Args:
            task: The task. It is changed.
            samples: The `Samples` to validate on.
            args: The arguments of the command.

        Returns:
            The result of `calibrate()` of the task, in which `before` and
            `after` also have the result of `scores()`.
        """
        before = _unprefixed(self.scores(task, samples))
        found = task.calibrate(
            *samples.parts(),
            background_class=self.background_class(task, args),
            background_recall=args.background_recall,
        )
        after = _unprefixed(self.scores(task, samples))
        found["before"].update(before)
        found["after"].update(after)
        return found

    def check_background(self, samples, task_kwargs, args):
        """Check the label of `--background` before the task is trained.

        Args:
            samples: The `Samples` to validate on.
            task_kwargs: Dictionary. The result of `task_kwargs()`.
            args: The arguments of the command.

        Raises:
            ValueError: If no threshold can be chosen on the samples.
        """
        if args.background is None:
            return
        are_background = self.are_background(samples, task_kwargs, args)
        if all(are_background) or not any(are_background):
            raise ValueError(
                f"The validation data must have the label {args.background!r} "
                "of --background, and others. Pass such data with --validation."
            )

    def are_background(self, samples, task_kwargs, args):
        """Find the labels that are the one of `--background`.

        Args:
            samples: The `Samples` to validate on.
            task_kwargs: Dictionary. The result of `task_kwargs()`.
            args: The arguments of the command.

        Returns:
            A list of bools, one per label.
        """
        background = task_kwargs["class_names"].index(args.background)
        return (samples.y == background).tolist()

    def background_class(self, task, args):
        """The background class of a trained task, for `calibrate()`.

        Args:
            task: The task.
            args: The arguments of the command.

        Returns:
            string or `None`.
        """
        return args.background

    def inputs(self, args):
        """Get the inputs to predict from the arguments of `predict`.

        Args:
            args: The arguments of the command, with a list `texts`.

        Returns:
            A tuple of the input of `annotate()`, and a list of what to show
            for each input.
        """
        return list(args.texts), list(args.texts)

    def annotate(self, task, inputs, args):
        """Predict the answers for the inputs.

        Args:
            task: The task.
            inputs: The input of `annotate()` of the task.
            args: The arguments of the command, with `top_k`, an int or `None`.

        Returns:
            A list that has a list of answers per input.
        """
        return task.annotate(inputs, top_k=args.top_k or 1)

    def rows(self, shown, answers):
        """Arrange answers as the rows of a table.

        Args:
            shown: List of what to show for each input.
            answers: The result of `annotate()`.

        Returns:
            A list of dictionaries by the names of the columns.
        """
        return [
            {"text": text, **answer}
            for text, best in zip(shown, answers, strict=True)
            for answer in best
        ]


class TextClassificationType(TaskType):
    """Texts or pairs of texts, with classes or with a number each."""

    name = "text_classification"
    task_class = TextClassifier
    files_help = (
        ".csv, .tsv or .jsonl with the columns `text` and `label`, or "
        "`sentence1`, `sentence2` and `label` for pairs, in any order. Without "
        "these names, the column with the fewest distinct values is the label. "
        "Labels are names or numbers. With --regression, they are numbers to "
        "predict. With --label-separator, a text can have any number of labels."
    )
    texts_help = "texts to classify, or pairs with --pairs"
    can_have_teacher = True
    can_calibrate = True
    can_weigh_classes = True
    can_fit_head = True

    def read(self, path, args):
        return read_labelled_texts(
            path, args.text_column, args.label_column, args.label_separator
        )

    def task_kwargs(self, data, args):
        if args.regression:
            return {"num_classes": 1}
        class_names = data.class_names()
        if args.background is not None:
            if data.is_multi_label:
                raise ValueError(
                    "--background does not support texts with several labels, "
                    "which may have none."
                )
            class_names = sorted_names({*class_names, args.background})
        if len(class_names) < 2:
            raise ValueError(
                f"`{args.train}` must have at least two different labels. "
                f"Received: {class_names}"
            )
        kwargs = {"num_classes": len(class_names), "class_names": class_names}
        return {**kwargs, "multi_label": data.is_multi_label}

    def samples(self, data, task_kwargs):
        if task_kwargs["num_classes"] == 1:
            return Samples(data.x, data.numbers())
        return Samples(data.x, data.class_ids(task_kwargs["class_names"]))

    def prepare(self, task, samples):
        if task.problem_type == "regression":
            # Otherwise the features first have to learn the mean, which can
            # damage the backbone for good.
            task.output_dense.bias.assign([samples.y.mean()])

    def read_unlabelled(self, path, args):
        x = read_texts(path, args.text_column)
        samples = Samples(x)
        if args.regression:
            return Samples(x, np.full(len(samples), np.nan, "float32"))
        return Samples(x, np.full(len(samples), -1, "int32"))

    def with_teacher(
        self, train, task_kwargs, sequence_length, load_or_make, dtype, args
    ):
        if task_kwargs.get("multi_label"):
            raise ValueError(
                "--teacher does not support texts with several labels."
            )
        num_classes = task_kwargs["num_classes"]
        class_names = task_kwargs.get("class_names")

        def label():
            model = self.teacher(
                distillation.HuggingFaceClassifier,
                class_names,
                sequence_length,
                dtype,
                args,
            )
            _print_labelling(train, args)
            y = distillation.soft_labels(model, train.x, train.y)
            if y.shape[1] != 1 + num_classes:
                raise ValueError(
                    f"`{args.teacher}` must have {num_classes} outputs, the "
                    f"same as the student. Received: {y.shape[1] - 1} outputs"
                )
            return y

        y = load_or_make(label)
        if num_classes == 1:
            metric = distillation.SoftLabelCorrelation()
        else:
            metric = distillation.SoftLabelAccuracy(num_classes)
        loss = distillation.SoftLabelLoss(
            num_classes, label_weight=args.label_weight
        )
        return Samples(train.x, y), {"loss": loss, "metrics": [metric]}

    def objective(self, task_kwargs, validation):
        if task_kwargs["num_classes"] == 1:
            return Objective("val_pearson")
        if task_kwargs["multi_label"]:
            return Objective("val_binary_accuracy")
        return Objective("val_sparse_categorical_accuracy")

    def strata(self, samples):
        is_class = samples.y.ndim == 1 and samples.y.dtype.kind == "i"
        return samples.y if is_class else super().strata(samples)

    def inputs(self, args):
        if args.pairs:
            return split_pairs(args.texts), args.texts
        return super().inputs(args)


class TokenClassificationType(TaskType):
    """Sentences with a label per word, in CoNLL files."""

    name = "token_classification"
    task_class = TokenClassifier
    files_help = (
        "CoNLL: one word and its label per line, separated by spaces or a "
        "tab, with an empty line after each sentence."
    )
    texts_help = "texts to find entities in"
    can_have_teacher = True
    can_calibrate = True
    can_weigh_classes = True

    def read(self, path, args):
        return Samples(*conll.read_conll(path))

    def read_unlabelled(self, path, args):
        if pathlib.Path(path).suffix == ".txt":
            texts = [text.split() for text in read_texts(path)]
        else:
            texts, _ = conll.read_conll(path)
        y = [[-1] * len(words) for words in texts]
        return Samples(object_array(texts), object_array(y))

    def with_teacher(
        self, train, task_kwargs, sequence_length, load_or_make, dtype, args
    ):
        class_names = task_kwargs["class_names"]
        counts = list(map(len, train.x))

        def label():
            model = self.teacher(
                distillation.HuggingFaceTokenClassifier,
                class_names,
                sequence_length,
                dtype,
                args,
            )
            _print_labelling(train, args)
            y = [labels_to_ids(labels, class_names) for labels in train.y]
            return np.concatenate(distillation.soft_labels(model, train.x, y))

        y = np.split(load_or_make(label), np.cumsum(counts)[:-1])
        num_classes = len(class_names)
        loss = distillation.SoftLabelLoss(
            num_classes,
            label_weight=args.label_weight,
            reduction="mean_with_sample_weight",
        )
        return Samples(train.x, object_array(y)), {
            "loss": loss,
            "weighted_metrics": [distillation.SoftLabelAccuracy(num_classes)],
        }

    def task_kwargs(self, data, args):
        return {"class_names": conll.class_names(data.y)}

    def objective(self, task_kwargs, validation):
        return Objective("val_f1")

    def scores(self, task, samples):
        scores = entity_scores(samples.y, task.predict_labels(samples.x))
        return {
            f"val_{name}": scores[name]
            for name in ("precision", "recall", "f1")
        }

    def are_background(self, samples, task_kwargs, args):
        return [name == args.background for row in samples.y for name in row]

    def background_class(self, task, args):
        if args.background is None and "O" in task.class_names:
            return "O"
        return args.background

    def annotate(self, task, inputs, args):
        # Return all entities of a text by default.
        return task.annotate(inputs, top_k=args.top_k)


class QuestionAnsweringType(TaskType):
    """Questions about texts, in SQuAD files."""

    name = "question_answering"
    task_class = QuestionAnswering
    files_help = "SQuAD .json, version 1.1 or 2.0."
    texts_help = "questions about the text of --context"
    sequence_length = 384
    can_have_teacher = True

    def read(self, path, args):
        return read_squad(path)

    def read_unlabelled(self, path, args):
        samples = read_squad(path, has_answers=False)
        # -1 is for questions that have no answer.
        starts = np.full(len(samples), -2, "int32")
        return Samples(samples.x, {**samples.y, "answer_start": starts})

    def with_teacher(
        self, train, task_kwargs, sequence_length, load_or_make, dtype, args
    ):
        starts = train.y["answer_start"]

        def label():
            model = self.teacher(
                distillation.HuggingFaceQuestionAnswering,
                None,
                sequence_length,
                dtype,
                args,
            )
            _print_labelling(train, args)
            answers = model.annotate(
                train.x, handle_impossible_answer=bool((starts == -1).any())
            )
            return np.array([[a["start"], a["end"]] for a in answers], "int32")

        spans = load_or_make(label)
        answers = {
            "answer_start": np.where(spans[:, 1] > 0, spans[:, 0], -1),
            "answer_text": object_array(
                [
                    context[start:end]
                    for context, (start, end) in zip(
                        train.x["context"], spans, strict=True
                    )
                ]
            ),
        }
        # A question is read with its label and with the teacher's answer,
        # unless these are the same.
        is_same = np.logical_and.reduce(
            [train.y[name] == answers[name] for name in answers]
        )
        part = np.where(is_same, 1.0, args.label_weight)
        weights = np.append(
            np.where(starts < -1, 0.0, part),
            np.where(is_same, 0.0, 1 - args.label_weight),
        )
        samples = Samples(train.x, train.y).joined(Samples(train.x, answers))
        samples = samples.take(weights > 0)
        weights = weights[weights > 0].astype("float32")
        return WeightedSamples(samples.x, samples.y, weights), {}

    def objective(self, task_kwargs, validation):
        return Objective("val_f1")

    def scores(self, task, samples):
        may_be_none = bool((samples.y["answer_start"] < 0).any())
        answers = task.annotate(samples.x, handle_impossible_answer=may_be_none)
        scores = squad_scores(answers, samples.answers)
        return {f"val_{name}": scores[name] for name in ("exact", "f1")}

    def inputs(self, args):
        if args.context is None:
            raise ValueError(
                "The preset answers questions about a text. Pass the text with "
                "--context."
            )
        questions = list(args.texts)
        contexts = [args.context] * len(questions)
        return {"question": questions, "context": contexts}, questions

    def annotate(self, task, inputs, args):
        return task.annotate(
            inputs,
            top_k=args.top_k or 1,
            handle_impossible_answer=args.may_have_no_answer,
        )


class MultipleChoiceType(TaskType):
    """Prompts with several choices, one of which is correct."""

    name = "multiple_choice"
    task_class = MultipleChoice
    files_help = (
        ".csv, .tsv or .jsonl with the columns `prompt`, `choice1`, `choice2` "
        "and so on, and `label`."
    )
    texts_help = "prompts, for which the best --choice is chosen"

    def read(self, path, args):
        return read_multiple_choice(path)

    def objective(self, task_kwargs, validation):
        return Objective("val_sparse_categorical_accuracy")

    def inputs(self, args):
        if not args.choice:
            raise ValueError(
                "The preset selects one of several choices. Pass each choice "
                "with --choice."
            )
        prompts = list(args.texts)
        choices = [args.choice] * len(prompts)
        return {"prompt": prompts, "choices": choices}, prompts


class MaskedLMType(TaskType):
    """Texts without labels, whose masked words are predicted."""

    name = "masked_lm"
    task_class = MaskedLM
    files_help = (
        ".txt with one text per line, or the text columns of .csv, .tsv or "
        ".jsonl, without labels."
    )
    texts_help = "texts with [MASK] for each missing word"

    def read(self, path, args):
        return Samples(read_texts(path, args.text_column))

    def inputs(self, args):
        if args.pairs:
            return split_pairs(args.texts), args.texts
        return super().inputs(args)

    def rows(self, shown, answers):
        rows = []
        for text, masks in zip(shown, answers, strict=True):
            # A text with several masks has a list for each of them.
            several = isinstance(masks[0], list)
            for number, fillings in enumerate(masks if several else [masks]):
                for filling in fillings:
                    rows.append({"text": text, "mask": number + 1, **filling})
        return rows


class PretrainingType(MaskedLMType):
    """Texts or pairs of consecutive texts, without labels."""

    name = "pretraining"
    task_class = Pretraining
    texts_help = "pairs of texts with [MASK]"

    def inputs(self, args):
        return split_pairs(args.texts), args.texts

    def rows(self, shown, answers):
        rows = []
        for text, answer in zip(shown, answers, strict=True):
            masks = answer.pop("masks")
            rows.append({"text": text, **answer})
            if masks:
                rows += super().rows([text], [masks])
        return rows


class NextSentenceType(TaskType):
    """Pairs of texts, labelled with whether the second follows the first."""

    name = "next_sentence"
    task_class = NextSentencePredictor
    files_help = (
        ".csv, .tsv or .jsonl with two texts and a label, 0 if the second "
        "follows the first and 1 if not."
    )
    texts_help = "pairs of texts separated by a tab"

    def read(self, path, args):
        data = read_labelled_texts(path, args.text_column, args.label_column)
        if not data.is_pairs:
            raise ValueError(
                f"`{path}` must have pairs of texts, in columns such as "
                "`sentence1` and `sentence2`."
            )
        return Samples(data.x, data.class_ids(["0", "1"]))

    def objective(self, task_kwargs, validation):
        return Objective("val_sparse_categorical_accuracy")

    def strata(self, samples):
        return samples.y

    def inputs(self, args):
        return split_pairs(args.texts), args.texts


class TextEmbeddingType(TaskType):
    """Texts to compute embedding vectors of."""

    name = "text_embedding"
    task_class = TextEmbedder
    files_help = (
        ".csv, .tsv or .jsonl with the columns `sentence1` and `sentence2`, "
        "and `score`, their similarity from 0 to 1, 5, 10 or 100, or a cosine. "
        "Or without scores, with the columns `anchor` and `positive`, which "
        "belong together, and optionally `negative`."
    )
    texts_help = "texts to compute vectors of"
    is_in_every_preset = True

    def read(self, path, args):
        return Samples(
            *read_text_pairs(path, args.text_column, args.label_column)
        )

    def objective(self, task_kwargs, validation):
        has_scores = validation.y is not None
        return Objective("val_spearman" if has_scores else "val_accuracy")

    def scores(self, task, samples):
        if samples.y is not None:
            cosines = task.similarity(
                samples.x["sentence1"], samples.x["sentence2"]
            )
            return {
                "val_pearson": pearson(samples.y, cosines),
                "val_spearman": spearman(samples.y, cosines),
            }
        return {"val_accuracy": retrieval_accuracy(task, samples.x)}

    def annotate(self, task, inputs, args):
        vectors = task.predict(inputs, verbose=0)
        return [[{"embedding": vector.tolist()}] for vector in vectors]


def retrieval_accuracy(task, x):
    """How often the text that belongs to another is the most similar one.

    Args:
        task: A `TextEmbedder`.
        x: Dictionary of the texts `anchor` and `positive`, of which at most
            a thousand are compared with each other.

    Returns:
        float.
    """
    anchors, positives = (x[key][:1000] for key in ("anchor", "positive"))
    corpus, indices = np.unique(positives.astype(str), return_inverse=True)
    found = task.search(list(anchors), corpus.tolist(), top_k=1)
    best = np.array([answers[0]["index"] for answers in found])
    return float(np.mean(best == indices))


def _unprefixed(scores):
    return {name.removeprefix("val_"): x for name, x in scores.items()}


def _print_labelling(train, args):
    print(f"Labelling {len(train):,} samples with {args.teacher}.", flush=True)


def split_pairs(texts):
    """Split texts that consist of two texts separated by a tab.

    Args:
        texts: list of strings.

    Returns:
        A tuple of two lists of strings.

    Raises:
        ValueError: If a text does not have exactly one tab.
    """
    for text in texts:
        if text.count("\t") != 1:
            raise ValueError(
                "Each text must be two texts separated by a tab. "
                f"Received: {text!r}"
            )
    pairs = [text.split("\t") for text in texts]
    return [first for first, _ in pairs], [second for _, second in pairs]


# A checkpoint with several heads is converted to the first matching task.
TASK_TYPES = {
    task_type.name: task_type
    for task_type in (
        TextClassificationType(),
        TokenClassificationType(),
        QuestionAnsweringType(),
        MultipleChoiceType(),
        PretrainingType(),
        MaskedLMType(),
        NextSentenceType(),
        TextEmbeddingType(),
    )
}


def lay_out(texts):
    """Format texts next to the names of their tasks, for `--help`.

    Args:
        texts: Dictionary that maps the names of tasks to strings.

    Returns:
        string.
    """
    return "\n".join(
        textwrap.fill(
            text,
            width=78,
            initial_indent=f"  {name:<22}",
            subsequent_indent=" " * 24,
            break_on_hyphens=False,
        )
        for name, text in texts.items()
    )


def task_types_of_checkpoint(config):
    """Find the tasks whose heads a Hugging Face checkpoint has.

    Args:
        config: Dictionary. The contents of its `config.json`.

    Returns:
        A list of `TaskType`s.
    """
    return [
        task_type
        for task_type in TASK_TYPES.values()
        if has_head(config, task_type.task_class)
    ]


def task_type_of(preset, name=None):
    """Find the task that a preset is used for.

    Args:
        preset: string. A preset, as for `from_preset()`.
        name: Optional string. The name of the task on the command line.
            Defaults to the first task whose head the preset has.

    Returns:
        A `TaskType`.

    Raises:
        ValueError: If there is no such preset, or it lacks the task.
    """
    classes = classes_with_head(
        preset, [task_type.task_class for task_type in TASK_TYPES.values()]
    )
    found = [
        task_type
        for task_type in TASK_TYPES.values()
        if task_type.task_class in classes
    ]
    if name is not None and TASK_TYPES[name].is_in_every_preset:
        return TASK_TYPES[name]
    if name is not None:
        found = [task_type for task_type in found if task_type.name == name]
    if not found:
        raise ValueError(
            f"The preset `{preset}` is not fine-tuned for {name or 'a task'}. "
            f"Use `keras-squeeze finetune` first."
        )
    return found[0]
