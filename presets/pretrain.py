"""Reproduce a tiny preset by distilling a teacher on plain text.

    python presets/pretrain.py mobile_bert_tiny_en_uncased \
        --teacher all-MiniLM-L6-v2 --corpus books.txt.xz

The teacher is a checkpoint folder of a BERT model that has the vocabulary of
the preset and gives good sentence embeddings as the mean of its last hidden
states. The corpus is text with one paragraph per line, plain or compressed with
xz. One eighth of the input are text messages, because people write differently
on phones than in books: the training split of the SMS Spam Collection, without
its labels, and the files of `--texts`. These have one text per line, or are the
`.conll` and `.tsv` files in which WNUT-17 and CODAH are published.

Each sentence has variants in which words are dropped, inserted or replaced, and
the student learns to predict how similar two texts are for the teacher. From
all other texts it learns to match the teacher's outputs and to predict masked
words.

Each of the `--seeds` is a cycle with different texts of the corpus, in which
the learning rate rises and falls again. With `--start`, the first cycle
continues from an existing preset, with different texts or another teacher.

The defaults are for a run of two hours on a CPU, with PyTorch. A GPU does more
in less time, with JAX as the Keras backend: `README.md` has the options.

An interrupted run is resumed. At the end, the preset is written next to this
file: weights in half precision, configuration, tokenizer, the learning curve,
and the provenance that `README.md` describes.
"""

import argparse
import functools
import json
import math
import os
import pathlib
import shutil
import time

os.environ.setdefault("KERAS_BACKEND", "torch")
# Makes PyTorch use huge pages on Linux, which saves a sixth of the step time.
os.environ.setdefault("THP_MEM_ALLOC_ENABLE", "1")

import keras  # noqa: E402
import numpy as np  # noqa: E402
import preset_folder  # noqa: E402
import student  # noqa: E402
from text_source import TextSource  # noqa: E402
from text_source import find_pairs  # noqa: E402
from text_source import make_texts  # noqa: E402
from text_source import nearest_words  # noqa: E402
from text_source import read_messages  # noqa: E402
from text_source import read_paragraphs  # noqa: E402

from keras_squeeze import distillation  # noqa: E402
from keras_squeeze.cli.arguments import positive_float  # noqa: E402
from keras_squeeze.cli.arguments import positive_int  # noqa: E402
from keras_squeeze.datasets import sms_spam  # noqa: E402
from keras_squeeze.export.report import checksum  # noqa: E402

LONGEST_OF_PAIR = 30
DISTILLER_FILE = "distiller.weights.h5"
# JAX takes minutes per step without XLA. The others take long to compile.
JIT_COMPILE = keras.backend.backend() == "jax"
# The number of batches of an evaluation.
EVALUATION_STEPS = 20
# The arguments that determine the result of a cycle.
SETTINGS = (
    "steps",
    "num_texts",
    "held_out",
    "batch_tokens",
    "sequence_length",
    "length_multiple",
    "learning_rate",
    "dtype",
)


class Recipe:
    """Runs the cycles of one preset.

    Args:
        args: The parsed arguments of `main()`.
    """

    def __init__(self, args):
        self.args = args
        preprocessor_cls, config = student.ARCHITECTURES[args.preset]
        self.preprocessor_cls = preprocessor_cls
        self.config = config
        self.tokenizer = preprocessor_cls.tokenizer_cls(
            vocabulary=str(
                preset_folder.FOLDER.joinpath(
                    args.preset, "assets", "tokenizer", "vocabulary.txt"
                )
            )
        )
        self.teacher = distillation.HuggingFaceTeacher(
            args.teacher,
            dtype=args.dtype.removeprefix("mixed_"),
            vocabulary=self.tokenizer.get_vocabulary(),
        )
        depth = self.teacher.num_layers
        self.teacher.hidden_layers = (depth // 2, depth)
        self.words = self.teacher.token_embeddings()
        self.positions = self.teacher.position_embeddings()

    def run(self):
        """Run all cycles, and copy the last preset to its folder."""
        folder = self.args.start
        for seed in self.args.seeds:
            folder = self.cycle(seed, folder)
        output = pathlib.Path(self.args.output) / self.args.preset
        shutil.copytree(folder, output, dirs_exist_ok=True)

    def cycle(self, seed, start):
        """Run one cycle, or resume it.

        Args:
            seed: int. The seed of the cycle.
            start: The folder of the preset to start from, or `None`.

        Returns:
            The `pathlib.Path` of the folder of the new preset.
        """
        args = self.args
        started = time.monotonic()
        texts = pathlib.Path(args.work) / f"seed_{seed}"
        work = texts / args.preset
        finished = work / "preset"
        sources = self.sources(seed, start)
        if (finished / "provenance.json").exists():
            made = preset_folder.provenance_of(finished)
            if sources == {name: made.get(name) for name in sources}:
                return finished
        work.mkdir(parents=True, exist_ok=True)

        keras.utils.set_random_seed(seed)
        backbone = self.new_backbone(start)
        parameters = backbone.count_params()
        print(f"{args.preset}: {parameters:,} parameters", flush=True)
        train, held_out = self.batches(seed, texts)
        distiller = student.new_distiller(backbone, self.teacher)
        if start != args.start:
            # New heads would undo some of what the previous cycle has learned.
            distiller.load_weights(start.with_name(DISTILLER_FILE))

        before = evaluate(distiller, held_out)
        curve = distillation.distill(
            distiller,
            train,
            distillation.schedule("auxiliary", distiller.transfers, args.steps),
            work / "state",
            optimizer=lambda steps: student.new_optimizer(
                args.learning_rate, steps
            ),
            save_every=args.save_every,
            log_every=math.gcd(args.log_every, args.save_every),
            jit_compile=JIT_COMPILE,
        )
        after = evaluate(distiller, held_out)

        distiller.save_weights(work / DISTILLER_FILE)
        shutil.rmtree(finished, ignore_errors=True)
        preset_folder.save(
            finished,
            backbone,
            self.preprocessor_cls(self.tokenizer, sequence_length=128),
        )
        provenance = {
            "license": "Apache-2.0",
            "parameters": parameters,
            "weights_sha256": checksum(finished / "model.weights.h5"),
            "recipe": " ".join(
                [
                    args.command,
                    "--seeds",
                    *map(str, args.seeds[: args.seeds.index(seed) + 1]),
                ]
            ),
            **sources,
            "terms": {term.name: term.weight for term in distiller.transfers},
            "backend": keras.backend.backend(),
            "hardware": preset_folder.hardware(),
            "gpu": gpu_name(),
            "minutes_of_last_run": round((time.monotonic() - started) / 60, 1),
            "held_out_losses": {"before": before, "after": after},
            "curve": [
                {k: v if k == "stage" else round(v, 4) for k, v in row.items()}
                for row in curve
            ],
        }
        preset_folder.plot(provenance, finished / "learning_curve.png")
        # Written last, so that a preset that has it is complete.
        (finished / "provenance.json").write_text(
            json.dumps(provenance, indent=1) + "\n"
        )
        return finished

    def sources(self, seed, start):
        """The inputs of a cycle, which determine its result."""
        args = self.args
        return {
            "corpus": pathlib.Path(args.corpus).name,
            "corpus_sha256": checksum(args.corpus),
            "texts_sha256": [checksum(path) for path in args.texts],
            "teacher": pathlib.Path(args.teacher).name,
            "teacher_fingerprint": self.teacher.fingerprint,
            "started_from": start and preset_folder.provenance_of(start),
            "settings": {
                **{name: getattr(args, name) for name in SETTINGS},
                "seed": seed,
            },
        }

    def new_backbone(self, start):
        """Create a new student, or load that of a preset."""
        backbone_cls = self.preprocessor_cls.backbone_cls
        dtype = self.args.dtype
        if start is not None:
            return backbone_cls.from_preset(str(start), dtype=dtype)
        backbone = backbone_cls(**self.config, dtype=dtype)
        student.start_from(backbone, self.words, self.positions)
        return backbone

    @functools.cached_property
    def paragraphs(self):
        """The paragraphs of the corpus."""
        return read_paragraphs(self.args.corpus)

    @functools.cached_property
    def messages(self):
        """The text messages, and the texts of `--texts`."""
        (texts, _), _ = sms_spam.load_data()
        found = [str(text) for text in texts]
        for path in self.args.texts:
            found += read_messages(path)
        return found

    @functools.cached_property
    def near(self):
        """The words that are similar to each word."""
        return nearest_words(self.words, self.tokenizer)

    def batches(self, seed, folder):
        """Create the training and evaluation batches of a cycle.

        Args:
            seed: int. The seed of the cycle.
            folder: A `pathlib.Path`. The teacher's outputs are stored there,
                and are the same for all presets.

        Returns:
            A tuple of two `DistillationBatches`: for training, and for
            evaluation. The latter are from the last tenth of the corpus.
        """
        args = self.args
        cut = len(self.paragraphs) * 9 // 10
        found = []
        for name, paragraphs, count, steps in (
            ("train", self.paragraphs[:cut], args.num_texts, args.steps),
            (
                "held_out",
                self.paragraphs[cut:],
                args.held_out,
                EVALUATION_STEPS,
            ),
        ):
            source = TextSource(
                paragraphs, self.messages, self.near, f"{seed} {name}"
            )
            texts, segments, variants = make_texts(source, count)
            cache = distillation.TeacherCache.write(
                folder / name,
                self.teacher,
                tokenize(texts, self.tokenizer, args.sequence_length),
            )
            pairs = find_pairs(cache, variants, LONGEST_OF_PAIR, seed)
            found.append(
                distillation.DistillationBatches(
                    cache,
                    steps,
                    batch_tokens=args.batch_tokens,
                    masking=distillation.WordMasking(
                        self.tokenizer, share=0.05
                    ),
                    singles=segments,
                    pairs=pairs,
                    length_multiple=args.length_multiple,
                    seed=seed,
                    workers=args.workers,
                )
            )
        return tuple(found)


def tokenize(texts, tokenizer, sequence_length):
    """Tokenize texts, with `[CLS]` and `[SEP]`, truncated to a length."""
    sequences = []
    for start in range(0, len(texts), 2000):
        for ids in tokenizer(texts[start : start + 2000]):
            ids = [int(i) for i in ids[: sequence_length - 2]]
            sequences.append(
                [tokenizer.cls_token_id, *ids, tokenizer.sep_token_id]
            )
    return sequences


def command(parser, args):
    """The command that reproduces the preset, except for the seeds.

    Args:
        parser: The `argparse.ArgumentParser`.
        args: The parsed arguments. Only the names of files are used.

    Returns:
        A string.
    """
    words = [
        f"KERAS_BACKEND={keras.backend.backend()}",
        "python presets/pretrain.py",
        args.preset,
        "--teacher",
        pathlib.Path(args.teacher).name,
        "--corpus",
        pathlib.Path(args.corpus).name,
    ]
    if args.texts:
        words += ["--texts", *(pathlib.Path(path).name for path in args.texts)]
    if args.start:
        words += ["--start", pathlib.Path(args.start).name]
    for name in SETTINGS:
        value = getattr(args, name)
        if value != parser.get_default(name):
            words += ["--" + name.replace("_", "-"), str(value)]
    return " ".join(words)


def gpu_name():
    """The GPU that PyTorch finds for the teacher, or `None`."""
    import torch

    return torch.cuda.get_device_name() if torch.cuda.is_available() else None


def evaluate(distiller, batches):
    """Compute the losses by name, and the perplexity of masked words."""
    distiller.compile("adam", jit_compile=JIT_COMPILE)
    losses = distiller.evaluate(batches, verbose=0, return_dict=True)
    losses["perplexity"] = float(np.exp(losses["masked_lm"]))
    return {name: round(float(x), 4) for name, x in losses.items()}


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("preset", choices=sorted(student.ARCHITECTURES))
    parser.add_argument("--teacher", required=True)
    parser.add_argument("--corpus", required=True)
    parser.add_argument("--texts", nargs="*", default=[])
    parser.add_argument("--start", help="folder of a preset to continue from")
    parser.add_argument(
        "--steps", type=positive_int, default=11000, help="steps per cycle"
    )
    parser.add_argument(
        "--num-texts", type=positive_int, default=300000, help="texts to read"
    )
    parser.add_argument(
        "--held-out",
        type=positive_int,
        default=2000,
        help="texts to evaluate on",
    )
    parser.add_argument("--batch-tokens", type=positive_int, default=2048)
    parser.add_argument("--sequence-length", type=positive_int, default=64)
    parser.add_argument(
        "--length-multiple",
        type=positive_int,
        default=1,
        help="the number that lengths are rounded up to a multiple of; use "
        "64 with JAX, which compiles for each length",
    )
    parser.add_argument(
        "--workers",
        type=positive_int,
        default=1,
        help="threads that load data, for a fast GPU",
    )
    parser.add_argument("--learning-rate", type=positive_float, default=2e-3)
    parser.add_argument(
        "--dtype",
        choices=["mixed_bfloat16", "float32"],
        default="mixed_bfloat16",
        help="float32 is for processors without bfloat16",
    )
    parser.add_argument("--save-every", type=positive_int, default=200)
    parser.add_argument("--log-every", type=positive_int, default=50)
    parser.add_argument(
        "--seeds", type=int, nargs="+", default=[0], help="one per cycle"
    )
    parser.add_argument(
        "--work", default="pretraining", help="folder of the training state"
    )
    parser.add_argument(
        "--output",
        default=str(preset_folder.FOLDER),
        help="folder of the presets",
    )
    args = parser.parse_args()
    if len(set(args.seeds)) < len(args.seeds):
        parser.error(f"argument --seeds: must differ. Received: {args.seeds}")

    args.command = command(parser, args)
    Recipe(args).run()


if __name__ == "__main__":
    main()
