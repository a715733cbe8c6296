"""Reads texts, with or without labels, from files."""

import dataclasses
import math
import pathlib

import numpy as np

from keras_squeeze.datasets.tables import check_width
from keras_squeeze.datasets.tables import is_json
from keras_squeeze.datasets.tables import label_text
from keras_squeeze.datasets.tables import read_rows
from keras_squeeze.datasets.utf8 import read_utf8

LABEL_COLUMNS = ("label", "labels", "class", "category", "target", "score")
TEXT_COLUMNS = ("text", "sentence", "message", "review", "comment", "content")
PAIR_COLUMNS = (
    ("sentence1", "sentence2"),
    ("text1", "text2"),
    ("premise", "hypothesis"),
    ("question1", "question2"),
    ("question", "sentence"),
    ("anchor", "positive"),
    ("text", "text_pair"),
)


@dataclasses.dataclass(frozen=True)
class LabelledTexts:
    """Texts or pairs of texts, with one or several labels each.

    Args:
        x: array of strings of shape `(num_texts,)`, or a tuple of two for
            pairs.
        labels: list of strings, the labels as in the file, or of lists of
            strings for multi-label texts.
        places: list of strings. The position of each text in its file, for
            errors.
    """

    x: np.ndarray | tuple
    labels: list
    places: list

    def __len__(self):
        return len(self.labels)

    def class_names(self):
        """List the distinct labels, sorted by number or else alphabetically.

        Returns:
            A list of strings. Labels that are class ids, starting at 0, are
            therefore at their own index.
        """
        lists = self.labels if self.is_multi_label else [self.labels]
        return sorted_names({name for labels in lists for name in labels})

    def class_ids(self, class_names):
        """Convert the labels to class ids.

        Args:
            class_names: list of strings, in the order of the ids.

        Returns:
            An int32 array of shape `(num_texts,)`. For multi-label texts, of
            shape `(num_texts, num_classes)`, with 1 for each label of a text
            and 0 elsewhere.

        Raises:
            ValueError: If a label is not among the names.
        """
        lists = (
            self.labels if self.is_multi_label else [[x] for x in self.labels]
        )
        known = set(class_names)
        for place, labels in zip(self.places, lists, strict=True):
            unknown = [label for label in labels if label not in known]
            if unknown:
                raise ValueError(
                    f"Every label must be one of {class_names}. Received: "
                    f"{unknown[:5]} ({place})"
                )
        ids = {name: i for i, name in enumerate(class_names)}
        if not self.is_multi_label:
            return np.array([ids[name] for name in self.labels], dtype="int32")
        vectors = np.zeros((len(self), len(class_names)), "int32")
        for vector, labels in zip(vectors, self.labels, strict=True):
            vector[[ids[name] for name in labels]] = 1
        return vectors

    def numbers(self):
        """Convert the labels to numbers, for regression.

        Returns:
            A float32 array of shape `(num_texts,)`.

        Raises:
            ValueError: If a label is not a finite number.
        """
        numbers = []
        for place, label in zip(self.places, self.labels, strict=True):
            try:
                numbers.append(float(label))
            except (TypeError, ValueError):
                numbers.append(math.nan)
            if not math.isfinite(numbers[-1]):
                raise ValueError(
                    f"{place} must have a number as its label. Received: "
                    f"{label!r}"
                )
        return np.array(numbers, dtype="float32")

    @property
    def is_multi_label(self):
        """bool. Whether the texts have several labels."""
        return bool(self.labels) and isinstance(self.labels[0], list)

    @property
    def is_pairs(self):
        """bool. Whether these are pairs of texts."""
        return isinstance(self.x, tuple)


def sorted_names(names):
    """Sort the names of classes, by number or else alphabetically.

    Args:
        names: Set of strings.

    Returns:
        A list of strings.
    """
    try:
        return sorted(names, key=int)
    except ValueError:
        return sorted(names)


def read_labelled_texts(
    path, text_columns=None, label_column=None, label_separator=None
):
    """Read texts and their labels from a CSV, TSV or JSONL file in UTF-8.

    A `.csv` file has commas between columns, and double quotes around values
    that contain commas. A `.tsv` file has tabs, and its quotes are part of the
    text. A `.jsonl` file has one JSON object per line, whose fields are the
    columns.

    If the first row has column names, they identify the columns: `label`,
    `labels`, `class`, `category`, `target` or `score` for the label; `text`,
    `sentence`, `message`, `review`, `comment` or `content` for the text; and
    for pairs of texts `sentence1` and `sentence2`, `text1` and `text2`,
    `premise` and `hypothesis`, `question1` and `question2`, `question` and
    `sentence`, or `text` and `text_pair`. Other columns are left out. Without
    such a row, a file must have two columns, or three for pairs. The column
    with the fewest distinct values is the label.

    Args:
        path: string or path. The file.
        text_columns: Optional list of one column name, or two for pairs, if the
            names are different.
        label_column: Optional string. The column name of the labels.
        label_separator: Optional string. The separator between the labels of a
            multi-label text, like `","`. The label of a text without labels is
            empty. In a JSONL file, the labels may also be a list.

    Returns:
        A `LabelledTexts`.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the file is not in this format.

    Example:

    ```python
    train = keras_squeeze.datasets.text_files.read_labelled_texts("train.csv")
    class_names = train.class_names()
    x, y = train.x, train.class_ids(class_names)
    ```
    """
    rows = read_rows(path)
    header = [name.strip().casefold() for name in rows[0][1]]
    texts, label = _columns_by_name(path, header, text_columns, label_column)
    has_header = label is not None
    if not has_header:
        texts, label = _columns_by_content(path, [row for _, row in rows])
    check_width(rows)
    rows = rows[1:] if has_header else rows
    x = _texts(path, header, texts, rows)
    return LabelledTexts(
        x,
        _labels([(place, row[label]) for place, row in rows], label_separator),
        [place for place, _ in rows],
    )


def read_texts(path, text_columns=None):
    """Read texts without labels.

    A `.txt` file in UTF-8 has one text per line, and blank lines are left out.
    A `.csv`, `.tsv` or `.jsonl` file has the same column names as for
    `read_labelled_texts()`, but needs no label.

    Args:
        path: string or path. The file.
        text_columns: Optional list of one column name, or two for pairs, if the
            names are different.

    Returns:
        An array of strings of shape `(num_texts,)`, or a tuple of two for
        pairs.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the file is not in this format.

    Example:

    ```python
    x = keras_squeeze.datasets.text_files.read_texts("books.txt")
    ```
    """
    path = pathlib.Path(path)
    if path.suffix.lower() == ".txt":
        lines = read_utf8(path).split("\n")
        texts = [line.strip() for line in lines if line.strip()]
        if not texts:
            raise ValueError(f"`{path}` has no texts.")
        return np.array(texts, dtype=object)
    rows = read_rows(path)
    header = [name.strip().casefold() for name in rows[0][1]]
    indices = _text_columns_by_name(path, header, text_columns)
    if indices is None:
        raise ValueError(
            f"`{path}` must have a text column. Received: {header}"
        )
    check_width(rows)
    return _texts(path, header, indices, rows[1:])


def read_text_pairs(path, text_columns=None, label_column=None):
    """Read pairs of texts to train an embedder on.

    The columns are those of `read_labelled_texts()`. With a label, which is a
    number, it is the similarity of the pair. Without one, the texts of a pair
    belong together, and a column `negative` has a text that does not.

    Args:
        path: string or path. The file.
        text_columns: Optional list of two column names, if the names are
            different.
        label_column: Optional string. The name of the label column.

    Returns:
        A tuple `(x, y)`: a dictionary of arrays of strings, `sentence1` and
        `sentence2` for labelled pairs, and otherwise `anchor`, `positive` and
        if there is such a column `negative`; and the labels, a float32 array
        of cosines, or `None`. Labels above 1 are divided by 5, 10 or 100, the
        first of these that none of them exceeds.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the file is not in this format.

    Example:

    ```python
    x, y = keras_squeeze.datasets.text_files.read_text_pairs("pairs.tsv")
    ```
    """
    rows = read_rows(path)
    header = [name.strip().casefold() for name in rows[0][1]]
    texts = _text_columns_by_name(path, header, text_columns)
    is_labelled = label_column is not None or set(LABEL_COLUMNS) & set(header)
    if texts is None or is_labelled:
        data = read_labelled_texts(path, text_columns, label_column)
        columns, scores = data.x, _cosines(path, data.numbers())
        names = ("sentence1", "sentence2")
    else:
        names, scores = ("anchor", "positive"), None
        if "negative" in header and len(texts) == 2:
            names = (*names, "negative")
            texts = [*texts, header.index("negative")]
        check_width(rows)
        columns = _texts(path, header, texts, rows[1:])
    if not isinstance(columns, tuple) or len(columns) != len(names):
        raise ValueError(
            f"`{path}` must have pairs of texts, in columns such as "
            "`sentence1` and `sentence2`, or `anchor` and `positive`."
        )
    return dict(zip(names, columns, strict=True)), scores


def _cosines(path, labels):
    """Convert labels of any usual scale to cosines."""
    scale = next((x for x in (1, 5, 10, 100) if labels.max() <= x), None)
    if scale is None or labels.min() < (-1 if scale == 1 else 0):
        raise ValueError(
            f"`{path}` must have labels from 0 to 1, 5, 10 or 100, or cosines. "
            f"Received: labels from {labels.min():g} to {labels.max():g}"
        )
    return labels / np.float32(scale)


def _texts(path, header, indices, rows):
    """Return the texts of one column, or a tuple for several columns."""
    if not rows:
        raise ValueError(f"`{path}` has no rows after its header.")
    for place, row in rows:
        for i in indices:
            if not isinstance(row[i], str):
                raise ValueError(
                    f"{place} must have a string as its {header[i]!r}. "
                    f"Received: {row[i]!r}"
                )
    columns = tuple(
        np.array([row[i] for _, row in rows], dtype=object) for i in indices
    )
    return columns if len(columns) > 1 else columns[0]


def _labels(values, separator):
    """Return the labels of a column, all strings or all lists of strings."""
    if separator or any(isinstance(value, list) for _, value in values):
        return [_label_list(place, value, separator) for place, value in values]
    return [label_text(place, value) for place, value in values]


def _label_list(place, value, separator):
    if isinstance(value, str) and separator:
        value = [part for part in value.split(separator) if part.strip()]
    if not isinstance(value, list):
        raise ValueError(
            f"{place} must have a list as its label. Received: {value!r}"
        )
    return [label_text(place, part) for part in value]


def _columns_by_name(path, header, text_columns, label_column):
    """Find the text and label columns by name, or return `None` for both."""
    if label_column is None:
        label_column = next((c for c in LABEL_COLUMNS if c in header), None)
    texts = _text_columns_by_name(path, header, text_columns)
    if label_column is None or texts is None:
        if label_column is None and texts is None and not is_json(path):
            return None, None
        missing = "label" if label_column is None else "text"
        raise ValueError(
            f"`{path}` must have a {missing} column. Received: {header}"
        )
    return texts, _index_of(path, header, label_column)


def _text_columns_by_name(path, header, names):
    """Find the text columns by name, or return `None`."""
    if names is None:
        options = (*PAIR_COLUMNS, *((name,) for name in TEXT_COLUMNS))
        names = next((part for part in options if set(part) <= set(header)), ())
    return [_index_of(path, header, name) for name in names] or None


def _index_of(path, header, name):
    if name.casefold() not in header:
        raise ValueError(
            f"`{path}` must have a column named {name!r}. Received: {header}"
        )
    return header.index(name.casefold())


def _columns_by_content(path, rows):
    """Find the text and label columns of rows without column names."""
    advice = (
        "Add a first row with column names: `text` and `label`, or "
        "`sentence1`, `sentence2` and `label`."
    )
    width = len(rows[0])
    if width not in (2, 3):
        raise ValueError(
            f"`{path}` has {width} columns, none with a known name. {advice}"
        )
    values = [[row[i] for row in rows if len(row) > i] for i in range(width)]
    sizes = [len(set(column)) for column in values]
    label = sizes.index(min(sizes))
    # A value that only occurs in the first row may be an unknown column name.
    is_clear = sizes.count(min(sizes)) == 1
    if not is_clear or values[label].count(rows[0][label]) == 1:
        raise ValueError(f"The label column of `{path}` is ambiguous. {advice}")
    return [i for i in range(width) if i != label], label
