import keras

from keras_squeeze.checkpoints.from_preset import FromPreset
from keras_squeeze.models.squeeze_bert.squeeze_bert_backbone import (
    SqueezeBertBackbone,
)
from keras_squeeze.models.squeeze_bert.squeeze_bert_tokenizer import (
    SqueezeBertTokenizer,
)
from keras_squeeze.models.tasks.multiple_choice import MultipleChoice
from keras_squeeze.models.tasks.multiple_choice_preprocessor import (
    MultipleChoicePreprocessor,
)


@keras.saving.register_keras_serializable(package="keras_squeeze")
class SqueezeBertMultipleChoicePreprocessor(
    FromPreset, MultipleChoicePreprocessor
):
    """Tokenizes and packs prompts and choices for `SqueezeBertMultipleChoice`.

    See `MultipleChoicePreprocessor` for the arguments and for the inputs it
    takes.

    Example:

    ```python
    preprocessor = (
        keras_squeeze.models.SqueezeBertMultipleChoicePreprocessor.from_preset(
            "squeeze_bert_tiny_en_uncased",
            sequence_length=64,
        )
    )
    preprocessor(
        {
            "prompt": ["It rains, so she takes"],
            "choices": [["a nap.", "an umbrella."]],
        }
    )
    ```
    """

    backbone_cls = SqueezeBertBackbone
    tokenizer_cls = SqueezeBertTokenizer


@keras.saving.register_keras_serializable(package="keras_squeeze")
class SqueezeBertMultipleChoice(MultipleChoice):
    """A SqueezeBERT model that chooses which of several texts fits a prompt.

    With a `preprocessor`, which `from_preset()` creates by default, `fit()`,
    `evaluate()`, `predict()` and `annotate()` take raw text. See
    `MultipleChoice` for the arguments.

    Example:

    ```python
    task = keras_squeeze.models.SqueezeBertMultipleChoice.from_preset(
        "squeeze_bert_tiny_en_uncased",
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

    Reference:
     - [SqueezeBERT](https://arxiv.org/abs/2006.11316)
    """

    backbone_cls = SqueezeBertBackbone
    preprocessor_cls = SqueezeBertMultipleChoicePreprocessor
