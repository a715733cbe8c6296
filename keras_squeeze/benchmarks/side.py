"""One side of a comparison of speeds, in a process of its own.

It is run as a script. Importing the package would import Keras and TensorFlow,
also into the process that measures transformers.
"""

import json
import os
import sys
import time

import numpy as np

# As in the published fine-tuning of both models.
LEARNING_RATE = 5e-5


class Transformers:
    """Measures transformers on PyTorch.

    Args:
        folder: string. The folder of a checkpoint with a classifier.
        settings: Dictionary, as for `comparison.Side`.
    """

    def __init__(self, folder, settings):
        import torch
        import transformers

        torch.set_num_threads(settings["threads"])
        cls = transformers.AutoModelForSequenceClassification
        self.torch = torch
        self.model = cls.from_pretrained(folder)
        self.texts = settings["texts"]
        if self.texts:
            self.pipeline = transformers.pipeline(
                "text-classification",
                model=self.model,
                tokenizer=transformers.AutoTokenizer.from_pretrained(folder),
                truncation=True,
            )
            self.tokens = self.pipeline.tokenizer(
                self.texts[0], truncation=True, return_tensors="pt"
            )
            return
        self.optimizer = torch.optim.AdamW(
            self.model.parameters(), LEARNING_RATE
        )
        shape = (settings["batch_size"], settings["sequence_length"])
        ids, labels = _random_batch(shape)
        self.tokens = {"input_ids": torch.tensor(ids).long()}
        self.labels = torch.tensor(labels).long()

    def train(self):
        self.model.train()
        self.optimizer.zero_grad()
        loss = self.model(**self.tokens, labels=self.labels).loss
        loss.backward()
        self.torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        self.optimizer.step()
        return float(loss.detach())

    def forward(self):
        self.model.eval()
        with self.torch.no_grad():
            return self.model(**self.tokens).logits.tolist()

    def answer(self):
        return self.pipeline(self.texts[0])[0]["score"]

    def answer_all(self):
        answers = self.pipeline(self.texts, batch_size=32)
        return [answer["score"] for answer in answers]


class KerasSqueeze:
    """Measures this package on the backend of the process.

    Args:
        folder: string. The folder of a checkpoint with a classifier.
        settings: Dictionary, as for `comparison.Side`.
    """

    def __init__(self, folder, settings):
        import keras

        if keras.backend.backend() == "torch":
            import torch

            torch.set_num_threads(settings["threads"])
        from keras_squeeze import memory
        from keras_squeeze import models

        if keras.backend.backend() == "jax":
            # As the command line does.
            memory.keep_freed_memory()

        with open(os.path.join(folder, "config.json")) as file:
            model_type = json.load(file)["model_type"]
        cls = {
            "mobilebert": models.MobileBertTextClassifier,
            "squeezebert": models.SqueezeBertTextClassifier,
        }[model_type]
        self.predict_on_batch = keras.Model.predict_on_batch
        self.texts = settings["texts"]
        if self.texts:
            self.task = cls.from_preset(folder)
            self.tokens = self.task.preprocessor(self.texts[:1])
            return
        self.task = cls.from_preset(folder, preprocessor=None)
        self.task.compile(
            keras.optimizers.AdamW(LEARNING_RATE, global_clipnorm=1.0),
            jit_compile=settings["jit_compile"],
        )
        shape = (settings["batch_size"], settings["sequence_length"])
        ids, self.labels = _random_batch(shape)
        self.tokens = {
            "token_ids": ids,
            "segment_ids": np.zeros_like(ids),
            "padding_mask": np.ones_like(ids),
        }

    def train(self):
        return float(
            np.ravel(self.task.train_on_batch(self.tokens, self.labels))[0]
        )

    def forward(self):
        # Without the preprocessing that KerasHub adds.
        return self.predict_on_batch(self.task, self.tokens).tolist()

    def answer(self):
        return self.task.annotate(self.texts[0])["score"]

    def answer_all(self):
        return [answer["score"] for answer in self.task.annotate(self.texts)]


def _random_batch(shape):
    random = np.random.default_rng(0)
    ids = random.integers(1000, 30000, shape).astype("int32")
    return ids, random.integers(2, size=shape[:1]).astype("int32")


def peak_memory():
    """The largest memory of this process, in GB, where it is known."""
    try:
        import resource
    except ImportError:
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    # In bytes on macOS, and in kilobytes elsewhere.
    return peak / (1e9 if sys.platform == "darwin" else 1e6)


def main(library, folder):
    """Answer the lines of the standard input.

    The first line is the settings, as JSON. The others are the names of
    methods.

    Args:
        library: string. `"transformers"` or `"keras_squeeze"`.
        folder: string. The folder of the checkpoint.
    """
    # Libraries may print, which must not get between the answers.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    cls = Transformers if library == "transformers" else KerasSqueeze
    side = cls(folder, json.loads(sys.stdin.readline()))
    for line in sys.stdin:
        start = time.perf_counter()
        value = getattr(side, line.strip())()
        answer = {
            "seconds": time.perf_counter() - start,
            "value": value,
            "memory": peak_memory(),
        }
        print(json.dumps(answer), file=answers, flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
