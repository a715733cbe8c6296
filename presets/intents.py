"""Reproduce the preset that finds what a user of an assistant wants.

    python presets/intents.py data_full.json

The data is CLINC150. With `--teacher`, a checkpoint that is first fine-tuned on
the training part labels the training part and variants of its texts, in which
words are dropped or replaced, and the tiny MobileBERT learns its predictions.
This takes several times as long.
"""

import json

import numpy as np
import task_preset
import teacher
from measures import wilson
from text_source import nearest_words
from variants import variants

from keras_squeeze import distillation
from keras_squeeze.cli import training
from keras_squeeze.cli.arguments import positive_int
from keras_squeeze.datasets.samples import Samples
from keras_squeeze.datasets.samples import object_array
from keras_squeeze.models import MobileBertTokenizer

OUT_OF_SCOPE = "out_of_scope"
# There are as many texts of each intent.
OUT_OF_SCOPE_TIMES = 5


class Intents(task_preset.TaskPreset):
    name = "intents"
    task_type = "text_classification"
    corpus = "CLINC150, CC BY 3.0"
    settings = {
        "epochs": 5,
        "batch_size": 32,
        "learning_rate": 1e-3,
        "sequence_length": 32,
        "seed": 0,
    }
    card = {
        "pipeline": "text-classification",
        "file": "intents.tflite",
        "example": "wake me up at seven tomorrow",
        "summary": (
            "Finds which of 150 intents a request to an assistant has, or that "
            "it has none of them, on the phone."
        ),
        "use": (
            "For the first step of an assistant that works without a network, "
            "and as a starting point for intents of your own. Requests that it "
            "does not know are `out_of_scope`. It does not find the values in "
            "a request, such as times and names."
        ),
        "data": (
            "[CLINC150](https://github.com/clinc/oos-eval) (Larson et al., "
            "2019), licensed under [CC BY 3.0]"
            "(https://creativecommons.org/licenses/by/3.0/): {train:,} texts "
            "for training, {validation:,} for choosing the epoch, the "
            "temperature and the threshold, and {test:,} for testing, 1,000 of "
            "which are out of scope."
        ),
        "chosen": (
            "A text of an intent counts as wrong if the answer is "
            "`out_of_scope`."
        ),
        "phone": (
            "MediaPipe's `TextClassifier` opens it, without the threshold."
        ),
        "limits": [
            "The texts were written by crowd workers, in the style of short "
            "spoken requests. Texts of other kinds get wrong answers more "
            "often.",
            "Many requests that no intent fits get one, most of all if they "
            "have words of an intent. Ask before anything is done that cannot "
            "be undone.",
            "There is one intent per text.",
        ],
    }

    def add_arguments(self, parser):
        parser.add_argument("--teacher", help="folder of a checkpoint")
        parser.add_argument("--teacher-epochs", type=positive_int, default=6)
        parser.add_argument("--variants", type=positive_int, default=100000)

    def read(self, path):
        contents = json.loads(path.read_text("utf-8"))
        names = sorted({label for _, label in contents["train"]})
        names.append(OUT_OF_SCOPE)
        ids = {name: i for i, name in enumerate(names)}
        ids["oos"] = ids[OUT_OF_SCOPE]

        def samples(*parts):
            rows = [row for part in parts for row in contents[part]]
            texts, labels = zip(*rows, strict=True)
            return Samples(
                object_array(list(texts)),
                np.array([ids[label] for label in labels], "int32"),
            )

        return task_preset.Data(
            samples("train", "oos_train"),
            samples("val", "oos_val"),
            samples("test", "oos_test"),
            {"class_names": names},
        )

    def training_samples(self, data, work, args):
        names = data.task_kwargs["class_names"]
        is_other = data.train.y == names.index(OUT_OF_SCOPE)
        times = np.where(is_other, OUT_OF_SCOPE_TIMES, 1)
        texts, ids = (
            np.repeat(part, times) for part in (data.train.x, data.train.y)
        )
        if args.teacher is None:
            return Samples(texts, ids), {}
        folder = work / "teacher"
        teacher.fine_tune(
            args.teacher,
            folder,
            texts,
            ids,
            names,
            epochs=args.teacher_epochs,
            sequence_length=args.sequence_length,
            seed=args.seed,
        )
        x = np.append(data.train.x, self.variants(data, is_other, args))
        y = np.append(data.train.y, np.full(len(x) - len(data.train), -1))

        def label():
            model = distillation.HuggingFaceClassifier(
                folder,
                names,
                args.sequence_length,
                dtype=args.dtype.removeprefix("mixed_"),
            )
            right = model(data.validation.x).argmax(axis=-1)
            share = np.mean(right == data.validation.y)
            print(f"Teacher: accuracy {share:.4f} on validation", flush=True)
            return distillation.soft_labels(model, x, y)

        settings = {"texts": Samples(x).digest(), "seed": args.seed}
        y = training.load_or_make(work / "soft_labels.npz", settings, label)
        size = len(names)
        return Samples(x, y), {
            "loss": distillation.SoftLabelLoss(size, label_weight=0.0),
            "metrics": [distillation.SoftLabelAccuracy(size)],
        }

    def variants(self, data, is_other, args):
        """Draw variants of the training texts, without labels."""
        tokenizer = MobileBertTokenizer.from_preset(args.base)
        model = distillation.HuggingFaceTeacher(
            args.teacher, vocabulary=tokenizer.get_vocabulary()
        )
        near = nearest_words(model.token_embeddings(), tokenizer)
        # A tenth of them are variants of texts out of scope.
        times = np.where(is_other, 4 * OUT_OF_SCOPE_TIMES, 1)
        texts = np.repeat(data.train.x, times).tolist()
        found = variants(texts, near, args.variants, args.seed)
        return object_array(found)

    def calibrate(self, task, validation):
        return task.calibrate(
            *validation.parts(),
            background_class=OUT_OF_SCOPE,
            background_recall=0.5,
        )

    def measure(self, task, test):
        probabilities = task.probabilities(task.predict(test.x, verbose=0))
        background = task.num_classes - 1
        answers = task.decision.class_ids(probabilities)
        is_known = test.y != background
        is_right = answers == test.y
        without = probabilities[is_known, :background].argmax(axis=-1)
        return {
            "accuracy of intents": wilson(
                is_right[is_known].sum(), is_known.sum()
            ),
            "accuracy of intents, if none is out of scope": wilson(
                (without == test.y[is_known]).sum(), is_known.sum()
            ),
            "recall of out of scope": wilson(
                is_right[~is_known].sum(), (~is_known).sum()
            ),
            "precision of out of scope": wilson(
                is_right[~is_known].sum(), (answers == background).sum()
            ),
            "accuracy of all": wilson(is_right.sum(), len(test)),
        }

    def mistakes(self, task, test):
        answers = task.annotate(test.x.tolist())
        return task_preset.surest(
            test.x,
            [task.class_names[i] for i in test.y],
            [answer["label"] for answer in answers],
            [answer["score"] for answer in answers],
        )


if __name__ == "__main__":
    task_preset.run(Intents(), __doc__)
