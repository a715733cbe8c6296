"""Small tasks of each kind with random weights, and inputs for them."""

from keras_squeeze import models
from tests.export.classifiers import randomise
from tests.tiny import tiny_backbone
from tests.tiny import vocabulary_of

TEXTS = [
    "Ada Lovelace was born in London in 1815 and wrote a program",
    "Charles Babbage never built the machine of his dreams in London",
    "the café is open . is it raining outside ? take an umbrella !",
]
VOCABULARY = [
    *vocabulary_of(TEXTS, punctuation=".,?!'"),
    "##s",
    "##ing",
    "cafe",
    "日",
]
LONG = " ".join(TEXTS * 4)
LENGTH = 24
EMOJI = "😀 Ada Lovelace was born in the café 😀, in LONDON. 日本"
PAIRS = [
    [TEXTS[0], TEXTS[1]],
    ["is it raining?", "Take an umbrella!"],
    [LONG, LONG],
]
MASKED = "Ada [MASK] was born in [MASK]."

# The name of each task, the arguments of its class, and the inputs of the
# page: texts, and for some tasks choices.
KINDS = {
    "TextClassifier": (
        {"class_names": ["ham", "spam", "<b>"]},
        [[EMOJI], [""], [LONG], *PAIRS],
    ),
    "TokenClassifier": (
        {"class_names": ["O", "B-person", "I-person", "place"]},
        [[EMOJI], [""], [LONG]],
    ),
    "QuestionAnswering": (
        {},
        [["Where was Ada born?", TEXTS[0]], ["When?", EMOJI + LONG]],
    ),
    "MultipleChoice": ({}, [["is it raining?", *TEXTS], ["", "Ada", LONG]]),
    "MaskedLM": ({}, [[MASKED], ["the [MASK]", "[MASK] is open"]]),
    "NextSentencePredictor": ({}, PAIRS),
    "Pretraining": ({}, [[MASKED, "[MASK] is open"], *PAIRS[:2]]),
    "TextEmbedder": ({}, [["is it raining?", *TEXTS], [LONG, EMOJI, "Ada"]]),
}


def small_task(kind, model="MobileBert", sizes=None, **options):
    """Make a task with random weights.

    Args:
        kind: string. The name of the task, without that of the model.
        model: string. `"MobileBert"` or `"SqueezeBert"`. Defaults to
            `"MobileBert"`.
        sizes: Optional dictionary of arguments of the backbone.
        **options: Arguments of the class that replace those in `KINDS`.
    """
    prefix = f"{model}{kind}"
    tokenizer = getattr(models, f"{model}Tokenizer")(VOCABULARY)
    backbone = tiny_backbone(
        getattr(models, f"{model}Backbone"),
        VOCABULARY,
        max_sequence_length=64,
        **(sizes or {}),
    )
    preprocessor = getattr(models, f"{prefix}Preprocessor")(
        tokenizer, sequence_length=LENGTH
    )
    task = getattr(models, prefix)(
        backbone, preprocessor=preprocessor, **(KINDS[kind][0] | options)
    )
    return randomise(task, scale=0.3)
