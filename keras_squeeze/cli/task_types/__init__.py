"""The tasks as the command line has them, by their names on it."""

from keras_squeeze.cli.task_types.language_modeling import MaskedLM
from keras_squeeze.cli.task_types.language_modeling import Pretraining
from keras_squeeze.cli.task_types.multiple_choice import MultipleChoice
from keras_squeeze.cli.task_types.next_sentence import NextSentence
from keras_squeeze.cli.task_types.question_answering import QuestionAnswering
from keras_squeeze.cli.task_types.text_classification import TextClassification
from keras_squeeze.cli.task_types.text_embedding import TextEmbedding
from keras_squeeze.cli.task_types.token_classification import (
    TokenClassification,
)

# A checkpoint that has the heads of several is converted to the first.
TASK_TYPES = {
    task_type.name: task_type
    for task_type in (
        TextClassification(),
        TokenClassification(),
        QuestionAnswering(),
        MultipleChoice(),
        Pretraining(),
        MaskedLM(),
        NextSentence(),
        TextEmbedding(),
    )
}
