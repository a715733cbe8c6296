"""Entities among labelled words, and how many of them were found."""

import collections

_BEGINS = ("B", "S", "U")
_ENDS = ("E", "L", "S", "U")
_PREFIXES = ("B-", "I-", "E-", "L-", "S-", "U-")


def entity_spans(labels, outside="O", iob_only=False):
    """Put the labels of consecutive words together to entities.

    `"B-"` before a label begins an entity, `"I-"` goes on with one of the same
    label, or begins one where there is none. `"E-"` does as `"I-"`, and ends
    the entity, and `"S-"` is an entity of one word. `"L-"` and `"U-"` are
    other names of these two. Labels without a prefix are read as those with
    `"I-"`, and `"O"` is no entity. A letter alone, like `"B"`, stands before
    the label `"_"`.

    These are the entities of seqeval in its default mode, for all of its
    schemes: IOB1, IOB2, IOE1, IOE2 and IOBES. It has BILOU, with `"L-"` and
    `"U-"`, in its strict mode alone, which agrees where labels are in order.

    Args:
        labels: List of strings, one a word.
        outside: Optional string. The label of what is no entity. `None` for
            none, so that what has no entity is put together, too. Defaults to
            `"O"`.
        iob_only: bool. Whether only `"B-"` and `"I-"` are prefixes, and all
            else is a part of the label, as in transformers' pipelines.
            Defaults to `False`.

    Returns:
        A list of tuples `(label, start, end)`: the label without its prefix,
        the index of the first word, and of the word after the last.

    Example:

    ```python
    entity_spans(["B-person", "I-person", "O", "B-place"])
    # [("person", 0, 2), ("place", 3, 4)]
    entity_spans(["B-person", "E-person", "S-place", "S-place"])
    # [("person", 0, 2), ("place", 2, 3), ("place", 3, 4)]
    ```
    """
    spans = []
    # The label of the entity that the next word may go on with.
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
    """Compare the entities of two labellings of the same words.

    An entity counts as found if its label, its first and its last word are
    right. These are the numbers of `seqeval.metrics`: precision, recall and F1
    of all entities together, their "micro average", and for each label alone.
    What would be divided by zero is 0.

    Args:
        y_true: List of lists of strings, the labels of each sample's words.
        y_pred: List of lists of strings, the labels that were predicted.

    Returns:
        A dictionary of `"precision"`, `"recall"`, `"f1"` and `"support"`, the
        number of entities in `y_true`; and under `"per_class"` a dictionary
        from each label to a dictionary of the same four.

    Raises:
        ValueError: If the two are not labels of the same words.

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
            "`y_true` and `y_pred` must have the same samples. Received: "
            f"{len(y_true)} and {len(y_pred)} samples"
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
