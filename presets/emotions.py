"""Reproduce the preset that finds the emotions in a comment.

    python presets/emotions.py emotions_goemotions

The data is GoEmotions, in a folder with `train.tsv`, `dev.tsv`, `test.tsv` and
`labels.txt`. A text can have several of 27 emotions, or is neutral.
"""

import numpy as np
import task_preset
from measures import bootstrap
from measures import f1

from keras_squeeze.cli.training import Objective
from keras_squeeze.datasets.samples import Samples
from keras_squeeze.datasets.samples import object_array


class Emotions(task_preset.TaskPreset):
    name = "emotions"
    task_type = "text_classification"
    corpus = "GoEmotions, CC BY 4.0"
    objective = Objective("val_f1_macro")
    settings = {
        "epochs": 3,
        "batch_size": 64,
        "learning_rate": 8e-4,
        "sequence_length": 48,
        "seed": 0,
    }
    card = {
        "pipeline": "text-classification",
        "file": "emotions.tflite",
        "example": "I never expected that, thank you so much!",
        "summary": (
            "Finds which of 27 emotions an English comment has, several at "
            "once, or that it is neutral, on the phone."
        ),
        "use": (
            "For suggesting emojis or sorting one's own notes, on the phone. "
            "It is not for judging people: the emotions are those that readers "
            "saw in a text, not those of its author."
        ),
        "data": (
            "[GoEmotions](https://github.com/google-research/google-research/"
            "tree/master/goemotions) (Demszky et al., 2020, Google Research), "
            "licensed under [CC BY 4.0]"
            "(https://creativecommons.org/licenses/by/4.0/): {train:,} "
            "comments for training, {validation:,} for choosing the epoch, the "
            "temperature and the thresholds, and {test:,} for testing, in the "
            "original split."
        ),
        "chosen": (
            "The macro average of F1 is its mean over the 28 classes, and the "
            "micro average is that of all of them together."
        ),
        "phone": (
            "MediaPipe's `TextClassifier` opens it, without the thresholds."
        ),
        "limits": [
            "The comments are from Reddit, with strong language, and from "
            "before 2020. Their authors and readers do not represent everyone.",
            "Emotions that are rare in the data are hardly found: pride, "
            "grief, relief and nervousness have an F1 below 0.2.",
        ],
    }

    def read(self, path):
        names = (path / "labels.txt").read_text("utf-8").split()

        def samples(part):
            text = (path / f"{part}.tsv").read_text("utf-8")
            rows = [line.split("\t") for line in text.strip("\n").split("\n")]
            y = np.zeros((len(rows), len(names)), "int32")
            for vector, (_, labels, _) in zip(y, rows, strict=True):
                vector[list(map(int, labels.split(",")))] = 1
            return Samples(object_array([row[0] for row in rows]), y)

        return task_preset.Data(
            samples("train"),
            samples("dev"),
            samples("test"),
            {"class_names": names, "multi_label": True},
        )

    def scores(self, task, samples):
        probabilities = task.probabilities(task.predict(samples.x, verbose=0))
        # The best threshold of each class.
        found = [
            f1(_counts(samples.y, probabilities > threshold).sum(axis=0))
            for threshold in np.arange(0.04, 0.8, 0.04)
        ]
        return {"val_f1_macro": float(np.max(found, axis=0).mean())}

    def calibrate(self, task, validation):
        return task.calibrate(*validation.parts())

    def measure(self, task, test):
        probabilities = task.probabilities(task.predict(test.x, verbose=0))
        selected = task.decision.selected(probabilities)
        counts = _counts(test.y, selected)
        return {
            "F1, macro average": bootstrap(
                counts, lambda sums: f1(sums).mean(axis=-1)
            ),
            "F1, micro average": bootstrap(counts.sum(axis=1), f1),
            "comments with exactly the right emotions": bootstrap(
                (selected == test.y).all(axis=1).astype("int64"),
                lambda sums: sums / len(test),
            ),
        }

    def mistakes(self, task, test):
        answers = task.annotate(test.x.tolist(), top_k=1)
        labels = [
            " and ".join(task.class_names[i] for i in np.flatnonzero(row))
            for row in test.y
        ]
        best = [answer[0]["label"] for answer in answers]
        # Only one of the labels has to be the answer.
        shown = [
            answer if answer in label.split(" and ") else label
            for answer, label in zip(best, labels, strict=True)
        ]
        scores = [answer[0]["score"] for answer in answers]
        return task_preset.surest(test.x, shown, best, scores)


def _counts(y, selected):
    """Hits, predictions and targets, for each text and class."""
    return np.stack([selected & (y > 0), selected, y > 0], axis=-1).astype(
        "int64"
    )


if __name__ == "__main__":
    task_preset.run(Emotions(), __doc__)
