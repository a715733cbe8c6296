import keras

from keras_squeeze.checkpoints.from_preset import FromPreset
from keras_squeeze.models.squeeze_bert.squeeze_bert_backbone import (
    SqueezeBertBackbone,
)
from keras_squeeze.models.squeeze_bert.squeeze_bert_tokenizer import (
    SqueezeBertTokenizer,
)
from keras_squeeze.models.tasks.question_answering import QuestionAnswering
from keras_squeeze.models.tasks.question_answering_preprocessor import (
    QuestionAnsweringPreprocessor,
)


@keras.saving.register_keras_serializable(package="keras_squeeze")
class SqueezeBertQuestionAnsweringPreprocessor(
    FromPreset, QuestionAnsweringPreprocessor
):
    """Tokenizes and packs questions for `SqueezeBertQuestionAnswering`.

    See `QuestionAnsweringPreprocessor` for the arguments and for the inputs
    it takes.

    Example:

    ```python
    preprocessor = (
        keras_squeeze.models.SqueezeBertQuestionAnsweringPreprocessor
    ).from_preset("squeeze_bert_tiny_en_uncased", sequence_length=128)
    preprocessor(
        {
            "question": ["Where was Ada Lovelace born?"],
            "context": ["Ada Lovelace was born in London in 1815."],
        },
        y={"answer_start": [25], "answer_text": ["London"]},
    )
    ```
    """

    backbone_cls = SqueezeBertBackbone
    tokenizer_cls = SqueezeBertTokenizer


@keras.saving.register_keras_serializable(package="keras_squeeze")
class SqueezeBertQuestionAnswering(QuestionAnswering):
    """An end-to-end SqueezeBERT model that finds answers in texts.

    This model puts a head on a `SqueezeBertBackbone` that says where in a
    context the answer to a question starts and ends. With a `preprocessor`,
    which `from_preset()` creates by default, `fit()`, `evaluate()`,
    `predict()` and `annotate()` take raw questions and contexts of any
    length. See `QuestionAnswering` for the arguments.

    Example:

    ```python
    question_answering = (
        keras_squeeze.models.SqueezeBertQuestionAnswering.from_preset(
            "squeeze_bert_tiny_en_uncased"
        )
    )
    context = "Ada Lovelace was born in London in 1815."
    x = {
        "question": ["Where was she born?", "Where did she die?"],
        "context": [context, context],
    }
    y = {
        # The second question has no answer here.
        "answer_start": [25, -1],
        "answer_text": ["London", ""],
    }
    question_answering.fit(x, y, batch_size=2)
    question_answering.annotate(x, handle_impossible_answer=True)
    question_answering.save_to_preset("./question_answering")
    ```

    Reference:
     - [SqueezeBERT](https://arxiv.org/abs/2006.11316)
    """

    backbone_cls = SqueezeBertBackbone
    preprocessor_cls = SqueezeBertQuestionAnsweringPreprocessor
