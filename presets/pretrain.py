"""Make a tiny preset again: distil a teacher over plain text.

    python presets/pretrain.py mobile_bert_tiny_en_uncased \
        --teacher all-MiniLM-L6-v2 --corpus books.txt.xz

The teacher is a checkpoint folder of a BERT with the vocabulary of the preset
that gives good sentence vectors as the mean of its last hidden states. The
corpus is text with one paragraph a line, as it is or compressed by xz. An
eighth of what is read are text messages, the training part of the SMS Spam
Collection without its labels, and the lines of `--texts`: people write to
phones in another language than to readers of books.

Of each sentence there are variants, with words left out, put in or replaced,
and the student learns to tell how similar two texts are to the teacher. The
others it learns to read as the teacher does, and to guess the words that are
missing.

Each of the `--seeds` is a cycle, with other texts of the corpus and a learning
rate that rises and falls again. With `--start`, the student of the first is a
preset that was made before, and the learning goes on from it: with other texts
or another teacher.

The run goes on where it was stopped, and writes the preset beside this file
when it ends: weights in half precision, configuration, tokenizer, the learning
curve, and the provenance that `README.md` there describes.
"""

import argparse
import hashlib
import json
import math
import os
import pathlib
import platform
import re
import shutil
import time

os.environ.setdefault("KERAS_BACKEND", "torch")
# PyTorch then asks Linux for large pages: a sixth of the time of a step.
os.environ.setdefault("THP_MEM_ALLOC_ENABLE", "1")

import keras  # noqa: E402
import numpy as np  # noqa: E402
from text_source import TextSource  # noqa: E402
from text_source import make_texts  # noqa: E402
from text_source import nearest_words  # noqa: E402
from text_source import read_paragraphs  # noqa: E402

from keras_squeeze import distillation  # noqa: E402
from keras_squeeze.cli.arguments import positive_float  # noqa: E402
from keras_squeeze.cli.arguments import positive_int  # noqa: E402
from keras_squeeze.datasets import sms_spam  # noqa: E402
from keras_squeeze.models import MobileBertBackbone  # noqa: E402
from keras_squeeze.models import MobileBertTextClassifierPreprocessor  # noqa: E402
from keras_squeeze.models import MobileBertTokenizer  # noqa: E402
from keras_squeeze.models import SqueezeBertBackbone  # noqa: E402
from keras_squeeze.models import SqueezeBertTextClassifierPreprocessor  # noqa: E402
from keras_squeeze.models import SqueezeBertTokenizer  # noqa: E402

FOLDER = pathlib.Path(__file__).resolve().parent
LONGEST_OF_PAIR = 30
DISTILLER_FILE = "distiller.weights.h5"
LAST_GAMMAS = ("output_bottleneck/norm/gamma", "output_projection/norm/gamma")

ARCHITECTURES = {
    "mobile_bert_tiny_en_uncased": (
        MobileBertBackbone,
        MobileBertTokenizer,
        MobileBertTextClassifierPreprocessor,
        {
            "num_layers": 4,
            "num_heads": 4,
            "hidden_dim": 256,
            "intermediate_dim": 256,
            "embedding_dim": 112,
            "bottleneck_dim": 128,
            "num_feedforward_networks": 2,
            "normalization_type": "layer_norm",
            "attention_dropout": 0.0,
        },
    ),
    "squeeze_bert_tiny_en_uncased": (
        SqueezeBertBackbone,
        SqueezeBertTokenizer,
        SqueezeBertTextClassifierPreprocessor,
        {
            "num_layers": 6,
            "num_heads": 4,
            "hidden_dim": 128,
            "intermediate_dim": 512,
            "embedding_dim": 128,
            # The table of words sets the width: what a phone has time for is
            # better spent on a wide feed-forward network without groups.
            "intermediate_groups": 1,
            "output_groups": 1,
            "dropout": 0.0,
            "attention_dropout": 0.0,
        },
    ),
}


def find_pairs(cache, variants, longest, seed):
    """Pairs of texts of every degree of similarity.

    Args:
        cache: The `TeacherCache`.
        variants: int array of shape `(count, 2)`. Pairs of similar texts.
        longest: int. How many tokens the longest texts of a pair may have.
        seed: What the order starts from.

    Returns:
        An int array with as many pairs more: of texts that the teacher finds
        among the most similar to each other, and of any.
    """
    draw = np.random.default_rng(seed)
    short = np.flatnonzero(cache.lengths <= longest)
    vectors = np.concatenate(
        [cache.read([i], ["sentence"])["sentence"] for i in short]
    )
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    near = []
    size = min(10000, len(short))
    for start in range(0, len(short), size):
        block = slice(start, start + size)
        cosines = vectors[block] @ vectors[block].T
        rank = min(40, cosines.shape[1] - 1)
        best = np.argpartition(-cosines, rank, axis=1)[:, : rank + 1]
        chosen = draw.integers(best.shape[1], size=len(best))
        partners = best[np.arange(len(best)), chosen]
        near.append(np.stack([short[block], short[block][partners]], axis=1))
    count = max(1, len(variants) // 2)
    near = draw.permutation(np.concatenate(near))[:count]
    anyhow = draw.choice(short, (count, 2))
    pairs = np.concatenate([variants, near, anyhow])
    pairs = pairs[(cache.lengths[pairs] <= longest).all(axis=1)]
    return draw.permuted(pairs, axis=1)


def tokenize(texts, tokenizer, sequence_length):
    """Token ids with `[CLS]` and `[SEP]`, cut to a length."""
    sequences = []
    for start in range(0, len(texts), 2000):
        for ids in tokenizer(texts[start : start + 2000]):
            ids = [int(i) for i in ids[: sequence_length - 2]]
            sequences.append(
                [tokenizer.cls_token_id, *ids, tokenizer.sep_token_id]
            )
    return sequences


def start_from(backbone, vectors):
    """Give the token embeddings the principal components of the teacher's.

    And keep the last hidden states small: they have most in common at first,
    and the pooled output of all texts would saturate with that.
    """
    for weight in backbone.transformer_layers[-1].weights:
        if weight.path.endswith(LAST_GAMMAS):
            weight.assign(0.2 * weight)
    table = backbone.token_embedding.embeddings
    centered = vectors - vectors.mean(axis=0)
    _, axes = np.linalg.eigh(centered.T @ centered)
    components = centered @ axes[:, ::-1][:, : table.shape[1]]
    components /= components.std()
    values = keras.ops.convert_to_numpy(table).copy()
    values[:, : components.shape[1]] = components
    table.assign(values)


def new_distiller(backbone, teacher):
    """The student with all that it learns."""
    depth, dim = teacher.num_layers, teacher.model.config.hidden_size
    half = backbone.num_layers // 2
    layers = distillation.layer_transfers(
        {half: depth // 2, backbone.num_layers: depth}, dim, normalize=True
    )
    # The head of MobileBERT itself has as many weights again as the whole
    # student, and would learn in its place.
    masked_lm = distillation.masked_lm_transfer(
        backbone, hidden_dim=backbone.token_embedding.output_dim, weight=0.07
    )
    distiller = distillation.Distiller(
        backbone,
        [
            *layers,
            distillation.PooledTransfer(dim, weight=2.0),
            distillation.SimilarityTransfer(weight=20.0),
            # The cosines have a standard deviation of about 0.3, and how
            # similar two texts are is learnt last.
            distillation.PairTransfer(weight=40.0),
            distillation.PairTransfer(
                dim, target="pair_sum", measure="cosine", weight=0.5
            ),
            masked_lm,
        ],
    )
    # The token embeddings are large, and the first guesses should not be sure.
    gamma = masked_lm.head.norm.gamma
    gamma.assign(0.25 * gamma)
    return distiller


def new_optimizer(learning_rate, steps):
    """Muon for the kernels, Adam for the rest.

    A linear rise, and a fall to zero along a cosine: most is learnt while the
    rate falls.
    """
    rise = max(1, steps // 50)
    rate = keras.optimizers.schedules.CosineDecay(
        0.0, steps - rise, warmup_target=learning_rate, warmup_steps=rise
    )
    return KernelMuon(
        rate,
        weight_decay=0.02,
        adam_beta_2=0.98,
        adam_lr_ratio=0.5,
        # A table of words that decays takes a tenth of the time of a step.
        adam_weight_decay=None,
        global_clipnorm=1.0,
    )


@keras.saving.register_keras_serializable(package="keras_squeeze_recipe")
class KernelMuon(keras.optimizers.Muon):
    """Muon for all kernels, those of convolutions of width one among them."""

    def _should_use_adamw(self, variable):
        return len(variable.shape) < 2 or variable.path.endswith("embeddings")

    def zeropower_via_newtonschulz5(self, x, steps):
        # Precise enough, as its authors found.
        half = keras.ops.cast(x, "bfloat16")
        half = super().zeropower_via_newtonschulz5(half, steps)
        return keras.ops.cast(half, x.dtype)

    def lr_adjust(self, x):
        return x * (self.rms_rate * max(x.shape[-2:]) ** 0.5)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("preset", choices=sorted(ARCHITECTURES))
    parser.add_argument("--teacher", required=True)
    parser.add_argument("--corpus", required=True)
    parser.add_argument("--texts", nargs="*", default=[])
    parser.add_argument(
        "--start", help="folder of the preset to go on from, if any"
    )
    parser.add_argument(
        "--steps", type=positive_int, default=11000, help="steps of a cycle"
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
    parser.add_argument("--learning-rate", type=positive_float, default=2e-3)
    parser.add_argument(
        "--dtype",
        choices=["mixed_bfloat16", "float32"],
        default="mixed_bfloat16",
        help="float32 for processors that have no bfloat16",
    )
    parser.add_argument("--save-every", type=positive_int, default=200)
    parser.add_argument(
        "--seeds", type=int, nargs="+", default=[0], help="one for each cycle"
    )
    parser.add_argument(
        "--work", default="pretraining", help="folder of the running state"
    )
    parser.add_argument(
        "--output", default=str(FOLDER), help="folder of the presets"
    )
    args = parser.parse_args()
    if len(set(args.seeds)) < len(args.seeds):
        parser.error(f"argument --seeds: must differ. Received: {args.seeds}")

    teacher = distillation.HuggingFaceTeacher(
        args.teacher, dtype=args.dtype.removeprefix("mixed_")
    )
    depth = teacher.num_layers
    teacher.hidden_layers = (depth // 2, depth)
    finished = args.start
    for seed in args.seeds:
        finished = learn(args, teacher, seed, finished)
    shutil.copytree(
        finished, pathlib.Path(args.output) / args.preset, dirs_exist_ok=True
    )


def learn(args, teacher, seed, start):
    """One cycle, which goes on where it was stopped.

    Args:
        args: What `main()` was asked for.
        teacher: The `HuggingFaceTeacher`.
        seed: int. The seed of the cycle.
        start: The folder of the preset to start from, or `None`.

    Returns:
        The `pathlib.Path` of the folder of the preset that was made.
    """
    work = pathlib.Path(args.work) / f"seed_{seed}" / args.preset
    finished = work / "preset"
    keras.utils.set_random_seed(seed)
    started = time.monotonic()
    sources = {
        "corpus": pathlib.Path(args.corpus).name,
        "corpus_sha256": checksum(args.corpus),
        "texts_sha256": [checksum(path) for path in args.texts],
        "teacher": pathlib.Path(args.teacher).name,
        "teacher_fingerprint": teacher.fingerprint,
        "started_from": None if start is None else provenance_of(start),
        "settings": {
            **{
                name: getattr(args, name)
                for name in (
                    "steps",
                    "num_texts",
                    "held_out",
                    "batch_tokens",
                    "sequence_length",
                    "learning_rate",
                    "dtype",
                )
            },
            "seed": seed,
        },
    }
    if (finished / "provenance.json").exists():
        made = provenance_of(finished)
        if sources == {name: made.get(name) for name in sources}:
            return finished
    backbone_cls, tokenizer_cls, preprocessor_cls, config = ARCHITECTURES[
        args.preset
    ]
    if start is None:
        backbone = backbone_cls(**config, dtype=args.dtype)
    else:
        backbone = backbone_cls.from_preset(str(start), dtype=args.dtype)
    work.mkdir(parents=True, exist_ok=True)
    tokenizer = tokenizer_cls(
        vocabulary=str(
            FOLDER / args.preset / "assets" / "tokenizer" / "vocabulary.txt"
        )
    )
    vectors = teacher.model.get_input_embeddings().weight
    vectors = vectors.detach().float().numpy()
    if start is None:
        start_from(backbone, vectors)

    # A tenth of the corpus, at its end, is left for the evaluation.
    paragraphs = read_paragraphs(args.corpus)
    cut = len(paragraphs) * 9 // 10
    messages = [str(text) for text in sms_spam.load_data()[0][0]]
    for path in args.texts:
        messages += pathlib.Path(path).read_text("utf-8").splitlines()
    near = nearest_words(vectors, tokenizer)

    def batches(name, paragraphs, count, steps):
        source = TextSource(paragraphs, messages, near, f"{seed} {name}")
        texts, segments, variants = make_texts(source, count)
        cache = distillation.TeacherCache.write(
            # The same texts for each of the presets.
            work.parent / name,
            teacher,
            tokenize(texts, tokenizer, args.sequence_length),
        )
        pairs = find_pairs(cache, variants, LONGEST_OF_PAIR, seed)
        return distillation.DistillationBatches(
            cache,
            steps,
            batch_tokens=args.batch_tokens,
            masking=distillation.WordMasking(tokenizer, share=0.05),
            singles=segments,
            pairs=pairs,
            seed=seed,
        )

    held_out = batches("held_out", paragraphs[cut:], args.held_out, 20)
    train = batches("train", paragraphs[:cut], args.num_texts, args.steps)
    print(f"{args.preset}: {backbone.count_params():,} parameters", flush=True)
    distiller = new_distiller(backbone, teacher)
    if start != args.start:
        # New heads would undo some of what the cycle before has learnt.
        distiller.load_weights(start.with_name(DISTILLER_FILE))

    def evaluate():
        losses = distiller.evaluate(held_out, verbose=0, return_dict=True)
        losses["perplexity"] = float(np.exp(losses["masked_lm"]))
        return {name: round(float(x), 4) for name, x in losses.items()}

    distiller.compile("adam", jit_compile=False)
    before = evaluate()
    curve = distillation.distill(
        distiller,
        train,
        distillation.schedule("auxiliary", distiller.transfers, args.steps),
        work / "state",
        optimizer=lambda steps: new_optimizer(args.learning_rate, steps),
        save_every=args.save_every,
        log_every=math.gcd(50, args.save_every),
        jit_compile=False,
    )
    distiller.compile("adam", jit_compile=False)
    after = evaluate()

    distiller.save_weights(work / DISTILLER_FILE)
    shutil.rmtree(finished, ignore_errors=True)
    save(finished, backbone, preprocessor_cls(tokenizer, sequence_length=128))
    provenance = {
        "license": "Apache-2.0",
        "parameters": backbone.count_params(),
        "weights_sha256": checksum(finished / "model.weights.h5"),
        "recipe": f"python presets/pretrain.py {args.preset} --seeds "
        + " ".join(map(str, args.seeds[: args.seeds.index(seed) + 1])),
        **sources,
        "terms": {term.name: term.weight for term in distiller.transfers},
        "backend": keras.backend.backend(),
        "hardware": hardware(),
        "minutes_of_last_run": round((time.monotonic() - started) / 60, 1),
        "held_out_losses": {"before": before, "after": after},
        "curve": [
            {k: v if k == "stage" else round(v, 4) for k, v in row.items()}
            for row in curve
        ],
    }
    plot(provenance, finished / "learning_curve.png")
    # The last to be there, for it tells that all is.
    (finished / "provenance.json").write_text(
        json.dumps(provenance, indent=1) + "\n"
    )
    return finished


def save(folder, model, preprocessor):
    """Write the preset of a backbone or a task, its weights in half precision.

    Args:
        folder: A `pathlib.Path`. May be new.
        model: The backbone, or a task with one.
        preprocessor: The preprocessor layer.
    """
    config = model.get_config()
    for part in (config, config.get("backbone", {}).get("config")):
        if part is not None:
            part["dtype"] = "float16"
    half = type(model).from_config(config)
    half.set_weights([w.astype("float16") for w in model.get_weights()])
    if hasattr(half, "preprocessor"):
        # That of the configuration has no vocabulary yet.
        half.preprocessor = preprocessor
    half.save_to_preset(str(folder))
    preprocessor.save_to_preset(str(folder))


def plot(provenance, path):
    """Draw the loss of each term, over all cycles."""
    from matplotlib.figure import Figure

    cycles = []
    # The forerunner of the recipe had other terms, and names none.
    while provenance and "terms" in provenance:
        cycles.insert(0, provenance["curve"])
        provenance = provenance["started_from"]
    steps, rows = [], []
    for curve in cycles:
        before = steps[-1] if steps else 0
        steps += [before + row["step"] for row in curve]
        rows += curve
    names = [name for name in rows[0] if name not in ("stage", "step")]
    figure = Figure(figsize=(8, 4), layout="constrained")
    axis = figure.subplots()
    for name in names:
        first = rows[0][name] or 1.0
        axis.plot(steps, [row[name] / first for row in rows], label=name)
    axis.set_xlabel("Step")
    axis.set_ylabel("Loss, relative to its first value")
    axis.set_yscale("log")
    axis.grid(alpha=0.3)
    # Beside the curves, which are everywhere.
    figure.legend(loc="outside right center", fontsize="small")
    figure.savefig(path, dpi=150)


def hardware():
    """The processor, as far as the system tells, and how many cores it has."""
    name = platform.processor() or platform.machine()
    path = pathlib.Path("/proc/cpuinfo")
    if path.exists():
        found = re.search("^model name[ \t]*: (.+)$", path.read_text(), re.M)
        name = found[1] if found else name
    return f"{os.cpu_count()} cores of {name}"


def provenance_of(folder):
    """What a preset tells of how it was made: its weights, at the least."""
    path = pathlib.Path(folder) / "provenance.json"
    if path.exists():
        return json.loads(path.read_text("utf-8"))
    return {"weights_sha256": checksum(path.with_name("model.weights.h5"))}


def checksum(path):
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


if __name__ == "__main__":
    main()
