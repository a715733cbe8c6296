"""Reproduce the preset that finds names in messages.

    python presets/entities.py ner_wnut17

The data is WNUT-17, in a folder with `wnut17train.conll`,
`emerging.dev.conll` and `emerging.test.annotated`.
"""

import numpy as np
import task_preset
from measures import bootstrap
from measures import f1

from keras_squeeze.cli.training import Objective
from keras_squeeze.datasets import conll
from keras_squeeze.datasets.samples import Samples
from keras_squeeze.metrics.entities import entity_spans


class Entities(task_preset.TaskPreset):
    name = "entities"
    task_type = "token_classification"
    corpus = "WNUT-17, CC BY 4.0"
    objective = Objective("val_f1")
    settings = {
        "epochs": 8,
        "batch_size": 32,
        "learning_rate": 1e-3,
        "sequence_length": 64,
        "seed": 0,
    }
    card = {
        "pipeline": "token-classification",
        "file": "entities.tflite",
        "example": "Ada Lovelace met Charles Babbage in London",
        "summary": (
            "Finds the names of people, places, companies, groups, products "
            "and works in English messages, on the phone."
        ),
        "use": (
            "For making names in messages stand out, without a network. It "
            "misses three in four, so it cannot remove names from texts."
        ),
        "data": (
            "[WNUT-17](https://github.com/leondz/emerging_entities_17) "
            "(Derczynski et al., 2017), licensed under [CC BY 4.0]"
            "(https://creativecommons.org/licenses/by/4.0/): {train:,} "
            "messages for training, {validation:,} for choosing the epoch, the "
            "temperature and the threshold, and {test:,} for testing. Most "
            "names in the latter do not occur in the former, which makes it "
            "harder than other data."
        ),
        "chosen": "An entity counts if its words and its kind are right.",
        "phone": "",
        "limits": [
            "The messages are from Twitter, Reddit, YouTube and Stack "
            "Exchange, from before 2018.",
            "Case is ignored, although names have capitals.",
            "Scores are low even for right answers. Often only a part of a "
            "name is found.",
        ],
    }

    def read(self, path):
        train, validation, test = (
            Samples(*conll.read_conll(path / name))
            for name in (
                "wnut17train.conll",
                "emerging.dev.conll",
                "emerging.test.annotated",
            )
        )
        names = conll.class_names(train.y)
        return task_preset.Data(train, validation, test, {"class_names": names})

    def calibrate(self, task, validation):
        return task.calibrate(*validation.parts(), background_class="O")

    def measure(self, task, test):
        pairs = [
            (set(entity_spans(predicted)), set(entity_spans(labels)))
            for predicted, labels in zip(
                task.predict_labels(test.x), test.y, strict=True
            )
        ]
        counts = np.array(
            [[len(a & b), len(a), len(b)] for a, b in pairs], "int64"
        )

        def share(total):
            return lambda sums: sums[:, 0] / np.maximum(sums[:, total], 1)

        return {
            "F1 of entities": bootstrap(counts, f1),
            "precision of entities": bootstrap(counts, share(1)),
            "recall of entities": bootstrap(counts, share(2)),
        }

    def mistakes(self, task, test):
        found = []
        for words, labels, entities in zip(
            test.x, test.y, task.annotate(list(test.x)), strict=True
        ):
            text = " ".join(words)
            right = [
                f"{' '.join(words[first:last])}: {label}"
                for label, first, last in entity_spans(labels)
            ]
            for entity in entities:
                answer = f"{entity['word']}: {entity['label']}"
                # The entity itself, or one that it is a part of.
                near = [label for label in right if entity["word"] in label]
                label = answer if answer in right else [*near, "no entity"][0]
                found.append((text, label, answer, entity["score"]))
        return task_preset.surest(*zip(*found, strict=True))


if __name__ == "__main__":
    task_preset.run(Entities(), __doc__)
