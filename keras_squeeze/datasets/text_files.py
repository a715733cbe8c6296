"""Reads labelled texts from CSV and TSV files."""

import csv
import dataclasses
import hashlib
import io
import json
import pathlib

import numpy as np

LABEL_COLUMNS = ("label", "labels", "class", "category", "target")
TEXT_COLUMNS = ("text", "sentence", "message", "review", "comment", "content")
PAIR_COLUMNS = (
    ("sentence1", "sentence2"),
    ("text1", "text2"),
    ("premise", "hypothesis"),
    ("question1", "question2"),
    ("question", "sentence"),
    ("text", "text_pair"),
)


@dataclasses.dataclass(frozen=True)
class LabelledTexts:
    """Texts, or pairs of texts, and a label for each.

    Args:
        x: array of strings of shape `(num_texts,)`, or a tuple of two for
            pairs.
        labels: list of strings, the labels as they are written.
    """

    x: np.ndarray | tuple
    labels: list

    def __len__(self):
        return len(self.labels)

    def class_names(self):
        """The distinct labels: numbers in their order, else by alphabet.

        Returns:
            A list of strings. Labels that are class ids from 0 on are
            therefore each at its own index.
        """
        try:
            return sorted(set(self.labels), key=int)
        except ValueError:
            return sorted(set(self.labels))

    def class_ids(self, class_names):
        """The labels as ids.

        Args:
            class_names: list of strings, in the order of the ids.

        Returns:
            An int32 array of shape `(num_texts,)`.

        Raises:
            ValueError: If a label is not among the names.
        """
        unknown = sorted(set(self.labels) - set(class_names))
        if unknown:
            raise ValueError(
                f"Every label must be one of {class_names}. Received: "
                f"{unknown[:5]}"
            )
        ids = {name: i for i, name in enumerate(class_names)}
        return np.array([ids[label] for label in self.labels], dtype="int32")

    def take(self, indices):
        """Some of the texts.

        Args:
            indices: int array of indices, or bool array with an entry a text.

        Returns:
            A `LabelledTexts`.
        """
        columns = [column[indices] for column in self._columns()]
        x = tuple(columns) if self.is_pairs else columns[0]
        return LabelledTexts(x, list(np.array(self.labels, object)[indices]))

    def digest(self):
        """A string that is another one for other texts or labels."""
        rows = list(zip(*self._columns(), self.labels, strict=True))
        data = json.dumps(rows).encode("utf-8")
        return hashlib.sha256(data).hexdigest()[:16]

    @property
    def is_pairs(self):
        """bool. Whether these are pairs of texts."""
        return isinstance(self.x, tuple)

    def _columns(self):
        return self.x if self.is_pairs else (self.x,)


def read_labelled_texts(path, text_columns=None, label_column=None):
    """Read texts and their labels from a CSV or TSV file in UTF-8.

    A `.csv` file has commas between its columns, and double quotes around the
    values that contain commas. A `.tsv` file has tabs, and its quotes are
    part of the text.

    A first row with the names of columns says which are which: `label`,
    `labels`, `class`, `category` or `target` for the label, `text`,
    `sentence`, `message`, `review`, `comment` or `content` for the text, and
    for pairs of texts `sentence1` and `sentence2`, `text1` and `text2`,
    `premise` and `hypothesis`, `question1` and `question2`, `question` and
    `sentence`, or `text` and `text_pair`. Further columns are left out.
    Without such a row, a file has two columns, or three for pairs, and the
    one with the fewest distinct values is the label.

    Args:
        path: string or path. The file.
        text_columns: Optional list of one column name, or two for pairs,
            where the names are others.
        label_column: Optional string. The column name of the labels.

    Returns:
        A `LabelledTexts`.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the file is not what is described above.

    Example:

    ```python
    train = keras_squeeze.datasets.text_files.read_labelled_texts("train.csv")
    class_names = train.class_names()
    x, y = train.x, train.class_ids(class_names)
    ```
    """
    path = pathlib.Path(path)
    rows = _read_rows(path)
    header = [name.strip().casefold() for name in rows[0][1]]
    texts, label = _columns_by_name(path, header, text_columns, label_column)
    if label is None:
        texts, label = _columns_by_content(path, [row for _, row in rows])
    else:
        rows = rows[1:]
    if not rows:
        raise ValueError(f"`{path}` has no rows below its header.")
    for line, row in rows:
        if len(row) != len(header):
            raise ValueError(
                f"Line {line} of `{path}` must have {len(header)} columns "
                f"like its first line. Received: {len(row)} columns"
            )
        if not row[label].strip():
            raise ValueError(f"Line {line} of `{path}` has no label.")
    columns = tuple(
        np.array([row[i] for _, row in rows], dtype=object) for i in texts
    )
    return LabelledTexts(
        columns if len(columns) == 2 else columns[0],
        [row[label].strip() for _, row in rows],
    )


def _read_rows(path):
    """Returns a list of the rows that are not empty, with their lines."""
    styles = {
        ".csv": {"delimiter": ",", "strict": True},
        ".tsv": {"delimiter": "\t", "quoting": csv.QUOTE_NONE},
    }
    if path.suffix.lower() not in styles:
        raise ValueError(
            "A file of labelled texts must be a `.csv` or `.tsv` file. "
            f"Received: {path}"
        )
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as e:
        raise ValueError(f"`{path}` must be in UTF-8: {e}") from e
    # `csv` refuses longer values, as a guard against a quote left open.
    csv.field_size_limit(max(len(text), 1))
    lines = io.StringIO(text, newline="")
    reader = csv.reader(lines, **styles[path.suffix.lower()])
    try:
        rows = [(reader.line_num, row) for row in reader if row]
    except csv.Error as e:
        raise ValueError(f"Line {reader.line_num} of `{path}`: {e}.") from e
    if not rows:
        raise ValueError(f"`{path}` is empty.")
    return rows


def _columns_by_name(path, header, text_columns, label_column):
    """Returns the indices of the texts and the label, or `None` for both."""

    def index_of(name):
        if name.casefold() not in header:
            raise ValueError(
                f"`{path}` must have a column named {name!r}. Received: "
                f"{header}"
            )
        return header.index(name.casefold())

    if label_column is None:
        label_column = next((c for c in LABEL_COLUMNS if c in header), None)
    if text_columns is None:
        options = (*PAIR_COLUMNS, *((name,) for name in TEXT_COLUMNS))
        text_columns = next(
            (names for names in options if set(names) <= set(header)), None
        )
    if label_column is None or text_columns is None:
        if label_column is None and text_columns is None:
            return None, None
        missing = "label" if label_column is None else "text"
        raise ValueError(
            f"`{path}` names no {missing} column among its columns: {header}"
        )
    return [index_of(name) for name in text_columns], index_of(label_column)


def _columns_by_content(path, rows):
    """Returns the indices of the texts and the label of rows of no names."""
    advice = (
        "Name its columns in a first row: `text` and `label`, or `sentence1`, "
        "`sentence2` and `label`."
    )
    width = len(rows[0])
    if width not in (2, 3):
        raise ValueError(
            f"`{path}` has {width} columns and none of a known name. {advice}"
        )
    values = [[row[i] for row in rows if len(row) > i] for i in range(width)]
    sizes = [len(set(column)) for column in values]
    label = sizes.index(min(sizes))
    # A value of its own in the first row may well be a name nobody knows.
    is_clear = sizes.count(min(sizes)) == 1
    if not is_clear or values[label].count(rows[0][label]) == 1:
        raise ValueError(
            f"It is not clear which column of `{path}` is the label. {advice}"
        )
    return [i for i in range(width) if i != label], label
