"""The transformers tokenizer that ours is compared with."""

import transformers


def make_fast_tokenizer(vocabulary, folder, **options):
    """Create a `BertTokenizerFast` from a list of tokens.

    Args:
        vocabulary: list of strings.
        folder: `pathlib.Path`. The folder for the vocabulary file.
        **options: Other arguments of the tokenizer.
    """
    path = folder / "vocab.txt"
    path.write_text("\n".join(vocabulary) + "\n", encoding="utf-8")
    return transformers.BertTokenizerFast(str(path), **options)
