"""Makes the preprocessor part of the file, so that its inputs are texts."""

import json
import os
from importlib.util import find_spec

import keras

from keras_squeeze.export.runner import INPUTS
from keras_squeeze.export.runner import SIGNATURE
from keras_squeeze.export.runner import TEXT_INPUTS
from keras_squeeze.export.runner import TOKENS_SIGNATURE
from keras_squeeze.models.tasks.next_sentence_predictor import (
    NextSentencePredictor,
)

_FILE = "preprocessor.json"


def check_text_input(text_input, model, sequence_lengths):
    """Check that the exported file of a model can take texts.

    Args:
        text_input: bool or `"pair"`. The requested kind of input.
        model: The model.
        sequence_lengths: List of ints. The input lengths.

    Returns:
        int. The number of texts that the file takes, or zero for ids.

    Raises:
        ValueError: If the value is invalid, or the model does not support it.
        ImportError: If TensorFlow Text is missing.
    """
    if text_input not in (False, True, "pair"):
        raise ValueError(
            '`text_input` must be a bool or "pair". Received: '
            f"text_input={text_input!r}"
        )
    if not text_input:
        return 0
    preprocessor = getattr(model, "preprocessor", None)
    if not getattr(model, "reads_text", False) or preprocessor is None:
        raise ValueError(
            "`text_input` is for tasks that take a text or a pair of texts, "
            "such as TextClassifier and TextEmbedder, with a preprocessor. "
            f"Received: a {type(model).__name__} with the preprocessor "
            f"{preprocessor}"
        )
    if isinstance(model, NextSentencePredictor) and text_input != "pair":
        raise ValueError(
            '`text_input` must be "pair" for a next sentence predictor, which '
            f"reads two texts. Received: text_input={text_input!r}"
        )
    if len(sequence_lengths) > 1:
        raise ValueError(
            "A file with `text_input` must have a single `sequence_length`. "
            f"Received: sequence_length={sequence_lengths}"
        )
    if find_spec("tensorflow_text") is None:
        raise ImportError(
            "`text_input` needs the package tensorflow-text, which is not "
            "installed."
        )
    return 2 if text_input == "pair" else 1


def save_preprocessor(preprocessor, folder):
    """Save a preprocessor for `TextReader`.

    Args:
        preprocessor: The preprocessor of a task.
        folder: string. The folder.
    """
    contents = {
        "preprocessor": keras.saving.serialize_keras_object(preprocessor),
        "vocabulary": list(preprocessor.tokenizer.vocabulary),
    }
    path = os.path.join(folder, _FILE)
    with open(path, "w", encoding="utf-8") as file:
        json.dump(contents, file)


class TextReader:
    """Preprocesses texts with operations that LiteRT supports.

    Args:
        folder: string. The folder of `save_preprocessor()`.
        sequence_length: int. The length to pack the tokens to.
        num_texts: int. The number of texts per input.
    """

    def __init__(self, folder, sequence_length, num_texts):
        from keras_squeeze.tokenizers.word_piece_lite import WordPieceLite

        with open(os.path.join(folder, _FILE), encoding="utf-8") as file:
            contents = json.load(file)
        self.preprocessor = keras.saving.deserialize_keras_object(
            contents["preprocessor"]
        )
        self.preprocessor.sequence_length = sequence_length
        tokenizer = self.preprocessor.tokenizer
        tokenizer.set_vocabulary(contents["vocabulary"])
        self.tokenizer = WordPieceLite(**tokenizer.encoder_arguments())
        self.names = TEXT_INPUTS[:num_texts]

    def functions(self, model):
        """Return the functions that become the signatures of a file.

        Args:
            model: The Keras model that takes the tokens.

        Returns:
            A dictionary that maps each signature to a tuple of a function and
            the dictionary of its `tf.TensorSpec`s.
        """
        import tensorflow as tf

        def answer(texts):
            return model(self(texts), training=False)

        specs = {
            name: tf.TensorSpec((1,), "string", name=name)
            for name in self.names
        }
        return {SIGNATURE: (answer, specs), TOKENS_SIGNATURE: (self, specs)}

    def __call__(self, texts):
        """Preprocess one text or pair.

        Args:
            texts: Dictionary of string tensors of shape `(1,)`.

        Returns:
            A dictionary of int32 tensors of shape `(1, sequence_length)`.
        """
        import tensorflow as tf

        segments = []
        for name in self.names:
            ids = self.tokenizer.encode(texts[name])
            segments.append((ids, tf.shape(ids)))
        packed = self.preprocessor.pack(tuple(segments))
        return {name: packed[key] for name, key in INPUTS.items()}
