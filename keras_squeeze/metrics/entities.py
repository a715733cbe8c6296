"""Entities in labeled words, and their precision, recall and F1."""

import collections

_BEGINS = ("B", "S", "U")
_ENDS = ("E", "L", "S", "U")
_PREFIXES = ("B-", "I-", "E-", "L-", "S-", "U-")


def entity_spans(labels, outside="O", iob_only=False):
    """Merge the labels of consecutive words into entities.

    A label with the prefix `"B-"` begins an entity. `"I-"` continues an entity
    of the same label, or begins one. `"E-"` is like `"I-"`, and ends the
    entity. `"S-"` is an entity of one word. `"L-"` and `"U-"` are synonyms of
    `"E-"` and `"S-"`. Labels without a prefix are read as if they had `"I-"`,
    and `"O"` is not an entity. A prefix alone, such as `"B"`, has the label
    `"_"`.

    These rules match the default mode of seqeval for all of its schemes: IOB1,
    IOB2, IOE1, IOE2 and IOBES. seqeval only supports BILOU, with `"L-"` and
    `"U-"`, in its strict mode, which gives the same result for well-formed
    labels.

    Args:
        labels: List of strings, one per word.
        outside: Optional string. The label of words outside entities. With
            `None`, there is no such label, so those words are also merged.
            Defaults to `"O"`.
        iob_only: bool. Whether `"B-"` and `"I-"` are the only prefixes, as in
            the pipelines of transformers. Defaults to `False`.

    Returns:
        A list of tuples `(label, start, end)`: the label without its prefix,
        the index of the first word, and the index after the last word.

    Example:

    ```python
    entity_spans(["B-person", "I-person", "O", "B-place"])
    # [("person", 0, 2), ("place", 3, 4)]
    entity_spans(["B-person", "E-person", "S-place", "S-place"])
    # [("person", 0, 2), ("place", 2, 3), ("place", 3, 4)]
    ```
    """
    spans = []
    # The label of the entity that the next word may continue.
    last = None
    for i, label in enumerate(labels):
        letter = "I"
        if label.startswith(_PREFIXES[:2] if iob_only else _PREFIXES):
            letter, label = label[0], label[2:]
        elif not iob_only and f"{label}-" in _PREFIXES:
            letter, label = label, ""
        if label == outside:
            last = None
            continue
        if not label and not iob_only:
            label = "_"
        if letter in _BEGINS or label != last:
            spans.append((label, i, i))
        spans[-1] = (*spans[-1][:2], i + 1)
        last = None if letter in _ENDS else label
    return spans


def entity_scores(y_true, y_pred):
    """Compute precision, recall and F1 of predicted entities.

    An entity counts as found if its label, its first word and its last word are
    correct. The results match `seqeval.metrics`: precision, recall and F1 of
    all entities (the "micro average") and of each label. A division by zero
    results in 0.

    Args:
        y_true: List of lists of strings, the labels of the words in each
            sample.
        y_pred: List of lists of strings, the predicted labels.

    Returns:
        A dictionary of `"precision"`, `"recall"`, `"f1"` and `"support"`, the
        number of entities in `y_true`. Under `"per_class"`, it has a dictionary
        from each label to a dictionary of the same four values.

    Raises:
        ValueError: If `y_true` and `y_pred` do not label the same words.

    Example:

    ```python
    entity_scores([["B-person", "O"]], [["B-person", "B-person"]])
    # {"precision": 0.5, "recall": 1.0, "f1": 0.67, "support": 1, ...}
    ```

    Reference:
     - [Tjong Kim Sang and De Meulder, 2003](https://aclanthology.org/W03-0419)
    """
    if len(y_true) != len(y_pred):
        raise ValueError(
            "`y_true` and `y_pred` must have the same number of samples. "
            f"Received: {len(y_true)} and {len(y_pred)} samples"
        )
    counts = {name: collections.Counter() for name in ("true", "pred", "both")}
    for i, (true, pred) in enumerate(zip(y_true, y_pred, strict=True)):
        if len(true) != len(pred):
            raise ValueError(
                "`y_true` and `y_pred` must have labels for the same words. "
                f"Received: {len(true)} and {len(pred)} labels for sample {i}"
            )
        true, pred = set(entity_spans(true)), set(entity_spans(pred))
        spans = {"true": true, "pred": pred, "both": true & pred}
        for name, found in spans.items():
            counts[name].update(label for label, _, _ in found)
    labels = sorted(counts["true"] | counts["pred"])
    return {
        **_scores(*(found.total() for found in counts.values())),
        "per_class": {
            label: _scores(*(found[label] for found in counts.values()))
            for label in labels
        },
    }


def _scores(num_true, num_pred, num_both):
    return {
        "precision": num_both / num_pred if num_pred else 0.0,
        "recall": num_both / num_true if num_true else 0.0,
        "f1": 2 * num_both / (num_true + num_pred) if num_both else 0.0,
        "support": num_true,
    }
