"""Write variants of texts for a teacher to label.

    python presets/variants.py train.tsv variants.txt --teacher DIR

In a variant, words are dropped or replaced by similar words, which are those
with similar token embeddings in the teacher, a BERT model. Some texts are also
followed by another text. `keras-squeeze finetune --teacher DIR --unlabelled
variants.txt` then learns from the teacher's predictions for them.
"""

import argparse
import os
import pathlib

os.environ.setdefault("KERAS_BACKEND", "torch")

from text_source import TextSource  # noqa: E402
from text_source import nearest_words  # noqa: E402

from keras_squeeze import distillation  # noqa: E402
from keras_squeeze.datasets.text_files import read_texts  # noqa: E402
from keras_squeeze.models import MobileBertTokenizer  # noqa: E402


def variants(texts, near, count, seed=0):
    """Draw variants of texts.

    Args:
        texts: List of strings.
        near: Dictionary. The result of `nearest_words()`.
        count: int. The number of variants.
        seed: int. The seed of the random numbers. Defaults to `0`.

    Returns:
        A list of strings that are not among the texts.
    """
    source = TextSource([], [], near, f"{seed} variants")
    draw = source.random
    known, found = set(texts), []
    while len(found) < count:
        words = draw.choice(texts).split()
        if draw.random() < 0.3:
            words += draw.choice(texts).split()
        if draw.random() < 0.5:
            share = draw.choice((0.1, 0.2))
            words = [word for word in words if draw.random() > share]
        if draw.random() < 0.8:
            words = source.blur(words, draw.choice((0.15, 0.3)))
        variant = " ".join(words)
        if variant and variant not in known:
            found.append(variant)
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("texts", help="a file of texts, as for `finetune`")
    parser.add_argument("output", help="the .txt file to write")
    parser.add_argument("--teacher", required=True)
    parser.add_argument("--text-column", action="append")
    parser.add_argument("--count", type=int, default=40000)
    parser.add_argument(
        "--min-words",
        type=int,
        default=1,
        help="skip shorter texts, which have few variants",
    )
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    texts = [str(text) for text in read_texts(args.texts, args.text_column)]
    texts = [text for text in texts if len(text.split()) >= args.min_words]
    if not texts:
        raise SystemExit(
            f"`{args.texts}` has no texts with {args.min_words} or more words."
        )
    tokenizer = MobileBertTokenizer.from_preset("mobile_bert_tiny_en_uncased")
    teacher = distillation.HuggingFaceTeacher(
        args.teacher, vocabulary=tokenizer.get_vocabulary()
    )
    near = nearest_words(teacher.token_embeddings(), tokenizer)
    found = variants(texts, near, args.count, args.seed)
    output = pathlib.Path(args.output)
    output.write_text("\n".join(found) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
