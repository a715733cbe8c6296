import keras

from keras_squeeze.checkpoints.from_preset import FromPreset
from keras_squeeze.models.mobile_bert.mobile_bert_backbone import (
    MobileBertBackbone,
)
from keras_squeeze.models.mobile_bert.mobile_bert_tokenizer import (
    MobileBertTokenizer,
)
from keras_squeeze.models.tasks.multiple_choice import MultipleChoice
from keras_squeeze.models.tasks.multiple_choice_preprocessor import (
    MultipleChoicePreprocessor,
)


@keras.saving.register_keras_serializable(package="keras_squeeze")
class MobileBertMultipleChoicePreprocessor(
    FromPreset, MultipleChoicePreprocessor
):
    """Tokenizes and packs prompts and choices for `MobileBertMultipleChoice`.

    See `MultipleChoicePreprocessor` for the arguments and for the inputs it
    takes.

    Example:

    ```python
    preprocessor = (
        keras_squeeze.models.MobileBertMultipleChoicePreprocessor.from_preset(
            "mobile_bert_tiny_en_uncased",
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

    backbone_cls = MobileBertBackbone
    tokenizer_cls = MobileBertTokenizer


@keras.saving.register_keras_serializable(package="keras_squeeze")
class MobileBertMultipleChoice(MultipleChoice):
    """A MobileBERT model that chooses which of several texts fits a prompt.

    With a `preprocessor`, which `from_preset()` creates by default, `fit()`,
    `evaluate()`, `predict()` and `annotate()` take raw text. See
    `MultipleChoice` for the arguments.

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

    Reference:
     - [MobileBERT](https://arxiv.org/abs/2004.02984)
    """

    backbone_cls = MobileBertBackbone
    preprocessor_cls = MobileBertMultipleChoicePreprocessor
