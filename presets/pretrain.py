"""Make a tiny preset again: masked language modeling over plain text.

    python presets/pretrain.py mobile_bert_tiny_en_uncased --corpus books.txt.xz

The corpus is text with one paragraph a line, as it is or compressed by xz. Of
each batch, a share are text messages: the training part of the SMS Spam
Collection, without its labels. People write to phones in another language
than to readers of books.

The run goes on where it was stopped, and writes the preset beside this file
when it ends: weights in half precision, configuration, tokenizer, and the
provenance that `README.md` there describes.
"""

import argparse
import hashlib
import json
import lzma
import os
import pathlib
import shutil
import time

os.environ.setdefault("KERAS_BACKEND", "tensorflow")

import keras  # noqa: E402
import numpy as np  # noqa: E402

from keras_squeeze.datasets import sms_spam  # noqa: E402
from keras_squeeze.layers.masked_lm_head import MaskedLMHead  # noqa: E402
from keras_squeeze.models import MobileBertBackbone  # noqa: E402
from keras_squeeze.models import MobileBertTextClassifierPreprocessor  # noqa: E402
from keras_squeeze.models import MobileBertTokenizer  # noqa: E402
from keras_squeeze.models import SqueezeBertBackbone  # noqa: E402
from keras_squeeze.models import SqueezeBertTextClassifierPreprocessor  # noqa: E402
from keras_squeeze.models import SqueezeBertTokenizer  # noqa: E402

FOLDER = pathlib.Path(__file__).resolve().parent
CLS, SEP, MASK = 101, 102, 103
MASKED_SHARE = 0.15

ARCHITECTURES = {
    "mobile_bert_tiny_en_uncased": (
        MobileBertBackbone,
        MobileBertTokenizer,
        MobileBertTextClassifierPreprocessor,
        {
            "num_layers": 6,
            "num_heads": 4,
            "hidden_dim": 192,
            "intermediate_dim": 192,
            "embedding_dim": 96,
            "bottleneck_dim": 96,
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
            "intermediate_dim": 256,
            "embedding_dim": 128,
            "dropout": 0.0,
            "attention_dropout": 0.0,
        },
    ),
}


def read_sequences(corpus, tokenizer, sequence_length, num_sequences):
    """Cut evenly chosen paragraphs of the corpus into sequences of tokens.

    Args:
        corpus: string. Path of the text.
        tokenizer: The tokenizer layer.
        sequence_length: int. Tokens of a sequence, `[CLS]` and `[SEP]`
            included.
        num_sequences: int. How many sequences are needed.

    Returns:
        A uint16 array of shape `(num_sequences, sequence_length)`.
    """
    opener = lzma.open if corpus.endswith(".xz") else open
    with opener(corpus, "rt", encoding="utf-8") as file:
        paragraphs = [line for line in file if len(line) > 40]
    order = np.random.default_rng(0).permutation(len(paragraphs))
    paragraphs = [paragraphs[i] for i in order]
    return pack(paragraphs, tokenizer, sequence_length, num_sequences)


def pack(paragraphs, tokenizer, sequence_length, num_sequences):
    """Join paragraphs and cut them into sequences of one length."""
    body = sequence_length - 2
    sequences, rest = [], []
    for start in range(0, len(paragraphs), 2000):
        texts = paragraphs[start : start + 2000]
        for ids in tokenizer(texts):
            rest.extend(ids)
        count = len(rest) // body
        block = np.array(rest[: count * body], "uint16").reshape(count, body)
        sequences.append(block)
        rest = rest[count * body :]
        if sum(map(len, sequences)) >= num_sequences:
            break
    sequences = np.concatenate(sequences)[:num_sequences]
    return np.pad(sequences, ((0, 0), (1, 1)), constant_values=(CLS, SEP))


class MaskedBatches(keras.utils.PyDataset):
    """Batches of sequences, masked differently each time they are drawn.

    Of the chosen tokens 80 % become `[MASK]`, 10 % a random token and 10 %
    stay, as in BERT.
    """

    def __init__(
        self,
        sequences,
        batch_size,
        vocabulary_size,
        first=0,
        messages=None,
        message_share=0.0,
    ):
        super().__init__()
        self.messages = messages
        self.num_messages = round(message_share * batch_size)
        self.sequences = sequences
        self.batch_size = batch_size
        self.vocabulary_size = vocabulary_size
        self.first = first

    def __len__(self):
        return len(self.sequences) // self.batch_size - self.first

    def __getitem__(self, index):
        index += self.first
        random = np.random.default_rng((1, index))
        start = index * self.batch_size
        ids = self.sequences[start : start + self.batch_size].astype("int32")
        if self.num_messages:
            ids[: self.num_messages] = self.messages[
                random.integers(len(self.messages), size=self.num_messages)
            ]
        batch, length = ids.shape
        num_masked = round(MASKED_SHARE * length)
        noise = random.random((batch, length - 2))
        positions = np.sort(np.argsort(noise, axis=1)[:, :num_masked] + 1)
        labels = np.take_along_axis(ids, positions, axis=1)
        choice = random.random(labels.shape)
        other = random.integers(1000, self.vocabulary_size, labels.shape)
        replaced = np.where(choice < 0.8, MASK, labels)
        replaced = np.where(choice >= 0.9, other, replaced)
        np.put_along_axis(ids, positions, replaced.astype("int32"), axis=1)
        inputs = {
            "token_ids": ids,
            "segment_ids": np.zeros_like(ids),
            "padding_mask": np.ones_like(ids),
            "mask_positions": positions.astype("int32"),
        }
        return inputs, {"tokens": labels, "summary": labels}


def masked_lm(backbone):
    """The model that is trained: the backbone and a head for masked tokens.

    The head is used twice: on the hidden states of the masked tokens, and on
    the pooled output, which learns to tell which words are missing anywhere
    in the sequence. Without that, nothing would train the pooler.
    """
    head = MaskedLMHead(
        backbone.token_embedding,
        backbone.hidden_dim,
        activation=backbone.activation,
        kernel_initializer=keras.initializers.RandomNormal(stddev=0.02),
        name="mlm_head",
    )
    positions = keras.Input((None,), dtype="int32", name="mask_positions")
    outputs = backbone(backbone.input)
    pooled = keras.layers.Reshape((1, backbone.hidden_dim))(
        outputs["pooled_output"]
    )
    return keras.Model(
        {**backbone.input, "mask_positions": positions},
        {
            "tokens": head(
                outputs["sequence_output"], mask_positions=positions
            ),
            "summary": head(pooled),
        },
    )


def summary_loss(labels, logits):
    """How badly one prediction a sequence fits all its masked tokens."""
    likelihoods = keras.ops.log_softmax(logits[:, 0, :], axis=-1)
    return -keras.ops.mean(
        keras.ops.take_along_axis(
            likelihoods, keras.ops.cast(labels, "int32"), axis=-1
        )
    )


class Checkpoint(keras.callbacks.Callback):
    """Saves the state and the learning curve every few minutes."""

    def __init__(self, path, first, minutes=5):
        super().__init__()
        self.path = path
        self.first = first
        self.seconds = 60 * minutes
        self.curve = []
        self.saved = time.monotonic()

    def on_train_batch_end(self, batch, logs=None):
        step = self.first + batch + 1
        if step % 50 == 0:
            loss = round(float(logs["tokens_loss"]), 4)
            print(
                f"step {step}: loss {loss}, of the summary "
                f"{float(logs['summary_loss']):.4f}",
                flush=True,
            )
            self.curve.append((step, loss))
            self.model.reset_metrics()
        if time.monotonic() - self.saved > self.seconds:
            self.save(step)

    def save(self, step):
        temporary = self.path.with_name("new-" + self.path.name)
        self.model.save_weights(temporary)
        os.replace(temporary, self.path)
        state = {"step": step, "curve": self.curve}
        self.path.with_suffix(".json").write_text(json.dumps(state))
        self.saved = time.monotonic()


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("preset", choices=sorted(ARCHITECTURES))
    parser.add_argument("--corpus", required=True)
    parser.add_argument("--evaluation", nargs="*", default=[])
    parser.add_argument("--steps", type=int, default=2600)
    parser.add_argument(
        "--held-out", type=int, default=1024, help="sequences to evaluate on"
    )
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--sequence-length", type=int, default=64)
    parser.add_argument("--learning-rate", type=float, default=2e-3)
    parser.add_argument(
        "--message-share",
        type=float,
        default=0.5,
        help="share of text messages in a batch",
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--jit-compile",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="compile the training step by XLA",
    )
    parser.add_argument(
        "--work", default="pretraining", help="folder of the running state"
    )
    parser.add_argument(
        "--output", default=str(FOLDER), help="folder of the presets"
    )
    args = parser.parse_args()

    keras.utils.set_random_seed(args.seed)
    started = time.monotonic()
    backbone_cls, tokenizer_cls, preprocessor_cls, config = ARCHITECTURES[
        args.preset
    ]
    folder = pathlib.Path(args.output) / args.preset
    work = pathlib.Path(args.work)
    work.mkdir(parents=True, exist_ok=True)
    checkpoint = work / f"{args.preset}.weights.h5"
    tokenizer = tokenizer_cls(
        vocabulary=str(
            FOLDER / args.preset / "assets" / "tokenizer" / "vocabulary.txt"
        )
    )
    cache = work / f"tokens-{args.sequence_length}.npy"
    held_out = args.held_out
    wanted = args.steps * args.batch_size + held_out
    if not cache.exists() or len(np.load(cache, mmap_mode="r")) < wanted:
        print(f"Tokenizing {args.corpus}", flush=True)
        sequences = read_sequences(
            args.corpus, tokenizer, args.sequence_length, wanted
        )
        np.save(cache, sequences)
    sequences = np.load(cache, mmap_mode="r")[:wanted]

    backbone = backbone_cls(**config)
    model = masked_lm(backbone)
    warm_up = args.steps // 20
    schedule = keras.optimizers.schedules.PolynomialDecay(
        args.learning_rate, args.steps - warm_up, end_learning_rate=0.0
    )
    optimizer = keras.optimizers.AdamW(
        WarmUp(schedule, warm_up),
        weight_decay=0.01,
        beta_2=0.98,
        global_clipnorm=1.0,
    )
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(
        optimizer=optimizer,
        loss={"tokens": loss, "summary": summary_loss},
        loss_weights={"tokens": 1.0, "summary": 0.5},
        weighted_metrics=[],
        jit_compile=args.jit_compile,
    )
    # TensorFlow traces the step twice if it creates the optimizer's state.
    optimizer.build(model.trainable_variables)
    print(f"{args.preset}: {backbone.count_params():,} parameters", flush=True)

    def evaluate(data, name):
        batches = MaskedBatches(
            data, args.batch_size, tokenizer.vocabulary_size()
        )
        losses = model.evaluate(batches, verbose=0, return_dict=True)
        value = float(np.exp(losses["tokens_loss"]))
        print(f"masked-token perplexity on {name}: {value:.1f}", flush=True)
        return round(value, 1)

    evaluations = {"held-out part of the corpus": sequences[:held_out]}
    for path in args.evaluation:
        evaluations[pathlib.Path(path).parent.name] = read_sequences(
            path, tokenizer, args.sequence_length, held_out
        )
    before = {name: evaluate(x, name) for name, x in evaluations.items()}

    callback = Checkpoint(checkpoint, first=0)
    if checkpoint.exists():
        state = json.loads(checkpoint.with_suffix(".json").read_text())
        model.load_weights(checkpoint)
        callback.first, callback.curve = state["step"], state["curve"]
        print(f"Resuming at step {callback.first}", flush=True)
    messages = list(sms_spam.load_data()[0][0])
    batches = MaskedBatches(
        sequences[held_out:],
        args.batch_size,
        tokenizer.vocabulary_size(),
        first=callback.first,
        messages=pack(messages, tokenizer, args.sequence_length, len(messages)),
        message_share=args.message_share,
    )
    if len(batches):
        model.fit(
            batches, epochs=1, shuffle=False, callbacks=[callback], verbose=0
        )
        callback.save(callback.first + len(batches))
    after = {name: evaluate(x, name) for name, x in evaluations.items()}

    # The folder is only touched when all of it is there.
    finished = work / args.preset
    save(finished, backbone, preprocessor_cls(tokenizer, sequence_length=128))
    provenance = {
        "license": "Apache-2.0",
        "parameters": backbone.count_params(),
        "corpus": pathlib.Path(args.corpus).name,
        "corpus_sha256": checksum(args.corpus),
        "weights_sha256": checksum(finished / "model.weights.h5"),
        "recipe": f"python presets/pretrain.py {args.preset}",
        "settings": {
            "steps": args.steps,
            "batch_size": args.batch_size,
            "sequence_length": args.sequence_length,
            "learning_rate": args.learning_rate,
            "message_share": args.message_share,
            "seed": args.seed,
        },
        "tokens": args.steps * args.batch_size * args.sequence_length,
        "backend": keras.backend.backend(),
        "minutes_of_last_run": round((time.monotonic() - started) / 60, 1),
        "masked_token_perplexity": {
            name: {"before": before[name], "after": after[name]}
            for name in before
        },
        "curve": callback.curve,
    }
    (finished / "provenance.json").write_text(
        json.dumps(provenance, indent=1) + "\n"
    )
    shutil.copytree(finished, folder, dirs_exist_ok=True)


@keras.saving.register_keras_serializable(package="keras_squeeze_recipe")
class WarmUp(keras.optimizers.schedules.LearningRateSchedule):
    """A schedule that another one follows after a linear rise."""

    def __init__(self, schedule, steps):
        self.schedule = schedule
        self.steps = steps

    def __call__(self, step):
        step = keras.ops.cast(step, "float32")
        rise = keras.ops.minimum(1.0, (step + 1) / self.steps)
        return rise * self.schedule(keras.ops.maximum(0.0, step - self.steps))

    def get_config(self):
        return {"schedule": self.schedule, "steps": self.steps}


def save(folder, backbone, preprocessor):
    """Write the preset, its weights in half precision."""
    half = type(backbone).from_config(
        {**backbone.get_config(), "dtype": "float16"}
    )
    half.set_weights([w.astype("float16") for w in backbone.get_weights()])
    half.save_to_preset(str(folder))
    preprocessor.save_to_preset(str(folder))


def checksum(path):
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


if __name__ == "__main__":
    main()
