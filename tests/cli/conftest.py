import csv
import dataclasses
import string

import keras
import numpy as np
import pytest

from keras_squeeze import models
from tests.tiny import SPECIAL_TOKENS
from tests.tiny import tiny_backbone

GOOD = "fine lovely great warm sunny happy".split()
BAD = "awful dreadful poor cold rainy sad".split()


@pytest.fixture(scope="session")
def tiny_vocabulary():
    """A vocabulary that can represent any English text."""
    letters = [*string.ascii_lowercase, *string.digits]
    return [
        *SPECIAL_TOKENS,
        *GOOD,
        *BAD,
        *string.punctuation,
        *letters,
        *(f"##{letter}" for letter in letters),
    ]


@pytest.fixture(scope="session")
def tiny_preset(tmp_path_factory, tiny_vocabulary):
    """A preset of a backbone that is small enough to train in a test."""
    keras.utils.set_random_seed(0)
    backbone = tiny_backbone(
        models.SqueezeBertBackbone, tiny_vocabulary, max_sequence_length=64
    )
    preprocessor = models.SqueezeBertTextClassifierPreprocessor(
        models.SqueezeBertTokenizer(tiny_vocabulary), sequence_length=32
    )
    folder = tmp_path_factory.mktemp("presets") / "tiny"
    backbone.save_to_preset(str(folder))
    preprocessor.save_to_preset(str(folder))
    return str(folder)


@pytest.fixture(scope="session")
def weather(tmp_path_factory):
    """A CSV file of 160 texts that are easy to classify.

    16 are held out and 144 are left, so that every batch of 16 is full: JAX
    compiles again for a smaller one.
    """
    generator = np.random.default_rng(0)
    path = tmp_path_factory.mktemp("texts") / "weather.csv"
    with open(path, "w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["text", "label"])
        for i in range(160):
            words = (GOOD, BAD)[i % 2]
            text = " ".join(generator.choice(words, size=4))
            writer.writerow([text, ("good", "bad")[i % 2]])
    return str(path)


@dataclasses.dataclass
class HuggingFace:
    """A classifier written by transformers, and its answers."""

    folder: str
    model: object
    tokenizer: object

    def probabilities(self, *texts):
        import torch

        batch = self.tokenizer(*texts, padding=True, return_tensors="pt")
        with torch.no_grad():
            return self.model(**batch).logits.softmax(-1).numpy()


def save_with_transformers(cls_name, folder, vocabulary):
    import torch
    import transformers

    config = transformers.MobileBertConfig(
        vocab_size=len(vocabulary),
        hidden_size=32,
        embedding_size=16,
        intra_bottleneck_size=16,
        intermediate_size=16,
        num_hidden_layers=2,
        num_attention_heads=2,
        max_position_embeddings=64,
        id2label={0: "sad", 1: "neutral", 2: "happy"},
    )
    torch.manual_seed(0)
    model = getattr(transformers, cls_name)(config).eval()
    # With their initial values, most weights hardly affect the answers.
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    model.save_pretrained(folder)
    path = folder / "vocab.txt"
    path.write_text("\n".join(vocabulary), encoding="utf-8")
    tokenizer = transformers.BertTokenizerFast(str(path))
    return HuggingFace(str(folder), model, tokenizer)


@pytest.fixture(scope="session")
def hugging_face(tmp_path_factory, tiny_vocabulary):
    """A `HuggingFace` classifier with three classes."""
    folder = tmp_path_factory.mktemp("classifier")
    return save_with_transformers(
        "MobileBertForSequenceClassification", folder, tiny_vocabulary
    )


@pytest.fixture(scope="session")
def hugging_face_base(tmp_path_factory, tiny_vocabulary):
    """The folder of a Hugging Face checkpoint without a head."""
    folder = tmp_path_factory.mktemp("base")
    return save_with_transformers(
        "MobileBertModel", folder, tiny_vocabulary
    ).folder
