"""Multiple choice: selects the text that best fits a prompt."""

import keras
import keras_hub
import numpy as np

from keras_squeeze import validation
from keras_squeeze.checkpoints.weight_table import DENSE
from keras_squeeze.layers.choices import ChoiceLogits
from keras_squeeze.layers.choices import FlattenChoices
from keras_squeeze.models.class_names import softmax
from keras_squeeze.models.preprocessors.multiple_choice import (
    check_choice_labels,
)
from keras_squeeze.models.preprocessors.multiple_choice import read_choices
from keras_squeeze.models.tasks.classification_task import dropout_of_head
from keras_squeeze.models.tasks.text_task import TextTask


class MultipleChoice(TextTask, keras_hub.models.Task):
    """Base class of the multiple choice tasks.

    With a `preprocessor`, which `from_preset()` creates by default, `fit()`,
    `evaluate()`, `predict()` and `annotate()` take raw text.

    A prompt and a choice are read together as a pair, and a dense layer on the
    pooled output computes their score. The scores of the choices of a prompt
    are its logits. The number of choices is arbitrary, and can differ between
    prompts.

    The inputs of the model have the shape `(batch, choices, length)`, its
    output `(batch, choices)`. A choice that is all padding gets a probability
    of zero.

    Args:
        backbone: The backbone model.
        preprocessor: The preprocessor layer, or `None` if inputs are already
            preprocessed.
        dropout: float. Dropout rate before the dense layer. Defaults to
            `0.1`.
        **kwargs: Other keyword arguments of `keras_hub.models.Task`.

    Raises:
        ValueError: If `dropout` is invalid.

    Example:

    ```python
    task = keras_squeeze.models.MobileBertMultipleChoice.from_preset(
        "mobile_bert_tiny_en_uncased",
    )
    task.preprocessor.sequence_length = 64
    questions = {
        "prompt": ["It rains, so she takes", "He is hungry, so he"],
        "choices": [
            ["a nap.", "an umbrella.", "a photo."],
            ["eats.", "sings."],
        ],
    }
    task.fit(x=questions, y=[1, 0], batch_size=2)
    task.annotate(questions)
    ```
    """

    hugging_face_classes = ("ForMultipleChoice",)
    hugging_face_head = [("classifier", "output_dense", DENSE)]
    uses_pooled_output = True
    can_group_by_length = True
    evaluation_kind = "choices"

    def __init__(self, backbone, preprocessor=None, dropout=0.1, **kwargs):
        validation.check_rate("dropout", dropout)

        # === Layers ===
        self.backbone = backbone
        self.preprocessor = preprocessor
        self.flatten_choices = FlattenChoices(name="flatten_choices")
        self.output_dropout = keras.layers.Dropout(
            dropout, dtype=backbone.dtype_policy, name="classifier_dropout"
        )
        self.output_dense = keras.layers.Dense(
            1,
            kernel_initializer=keras.initializers.RandomNormal(
                stddev=backbone.initializer_range
            ),
            dtype=backbone.dtype_policy,
            name="scores",
        )
        self.choice_logits = ChoiceLogits(
            dtype=backbone.dtype_policy, name="logits"
        )

        # === Functional Model ===
        inputs = {
            name: keras.Input(shape=(None, None), dtype="int32", name=name)
            for name in backbone.input
        }
        encoded = backbone(
            {name: self.flatten_choices(x) for name, x in inputs.items()}
        )
        outputs = self.choice_logits(
            self.apply_head(encoded), inputs["padding_mask"]
        )
        super().__init__(inputs=inputs, outputs=outputs, **kwargs)

        # === Config ===
        self.dropout = dropout

    def apply_head(self, encoded):
        """Compute the scores of choices from the outputs of the backbone.

        Args:
            encoded: Dictionary of tensors. The outputs of the backbone.

        Returns:
            A tensor of shape `(batch * choices, 1)`.
        """
        pooled = encoded["pooled_output"]
        return self.output_dense(self.output_dropout(pooled))

    def checked_arrays(self, x, y=None, sample_weight=None):
        if self.preprocessor is not None:
            choices = read_choices(x)
            if y is not None:
                y = check_choice_labels(y, choices)
            x = _even(choices)
        return super().checked_arrays(x, y, sample_weight)

    def annotate(self, inputs, top_k=None, batch_size=None):
        """Choose for each prompt, and return readable answers.

        Args:
            inputs: Dictionary of `"prompt"`, a list of strings, and
                `"choices"`, a list of lists of strings; or of a string and a
                list of strings.
            top_k: int or `None`. The maximum number of choices per prompt,
                the likeliest first. Defaults to `None`, for the likeliest
                choice without a list.
            batch_size: int. The number of prompts per batch. Defaults to
                `None` for batches of about 4,096 tokens.

        Returns:
            A list that has a dictionary per prompt: the index of the choice as
            `label`, its text as `answer` and its probability as `score`. With
            `top_k`, a list of up to `top_k` such dictionaries. For a single
            prompt, only its entry.

        Example:

        ```python
        task.annotate(
            {
                "prompt": ["It rains, so she takes"],
                "choices": [["a nap.", "an umbrella."]],
            }
        )
        # [{"label": 1, "answer": "an umbrella.", "score": 0.98}]
        ```
        """
        self.check_annotatable(top_k)
        choices = read_choices(inputs)
        x = _even(choices)
        logits = self.predict(x, batch_size=batch_size, verbose=0)
        probabilities = softmax(logits)
        answers = [
            [
                {
                    "label": int(i),
                    "answer": texts[i],
                    "score": float(row[i]),
                }
                for i in np.argsort(-row, kind="stable")
                if texts[i] is not None
            ]
            for row, texts in zip(probabilities, x["choices"], strict=True)
        ]
        answers = [row[:top_k] if top_k else row[0] for row in answers]
        return answers if choices.is_batched else answers[0]

    def serving_graph(self):
        """The graph of layers for an exported file.

        Files have the inputs of the backbone, and score one choice at a time.

        Returns:
            A functional `keras.Model` of the inputs of the backbone, with
            an output of shape `(batch, 1)`.
        """
        inputs = self.backbone.input
        outputs = self.apply_head(self.backbone(inputs))
        return keras.Model(inputs, outputs, name=self.name)

    def export_outputs(self, outputs, probabilities=True):
        """Name the outputs for a file that runs without Keras.

        The file takes a prompt and one choice and returns one score. An app
        runs it for each choice of a prompt. The softmax of the scores gives
        the probabilities.

        Args:
            outputs: Symbolic tensor. The outputs of `serving_graph()`.
            probabilities: Not used, because a single score has none.

        Returns:
            A dictionary that maps `"logits"` to a symbolic tensor.
        """
        return {"logits": outputs}

    @classmethod
    def head_kwargs(cls, config, is_restored):
        return dropout_of_head(config)

    def get_config(self):
        config = super().get_config()
        config["dropout"] = self.dropout
        return config


def _even(choices):
    """Pad raw inputs with `None` to the same number of choices per prompt.

    All batches of them have the same shape.
    """
    texts = np.full(choices.is_choice.shape, None, "object")
    texts[choices.is_choice] = choices.choices
    rows = texts.tolist()
    return {
        "prompt": np.array(choices.prompts, "object"),
        "choices": np.fromiter(rows, "object", len(rows)),
    }
