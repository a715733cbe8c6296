"""Writes the metadata that tells libraries for phones how to use a file.

The format is that of TFLite's `metadata_schema.fbs`: a separate flatbuffer in
one of the buffers of the model. The files that it refers to are appended to
the model as an archive.
"""

import zipfile

import flatbuffers
import numpy as np

from keras_squeeze.export.conversion.model_file import signature_tensors

VOCABULARY_FILE = "vocab.txt"
LABELS_FILE = "labels.txt"
# No library reads it: which classes are the answer, see `Decision`.
DECISION_FILE = "decision.json"

# The names by which the libraries find the inputs.
_ROLES = {
    "input_word_ids": "ids",
    "input_mask": "mask",
    "input_type_ids": "segment_ids",
}

# The Task Library finds the scores of a classifier by this name, and other
# outputs by their own names.
_SCORES = "probability"

_MODEL_ENTRY = "TFLITE_METADATA"
_IDENTIFIER = b"M001"

# The version of the schema that added the tokenizer of BERT, the newest part
# that is used here.
_PARSER_VERSION = "1.1.0"

# The fields of the tables of the schema in order, up to the last one that is
# used here.
_FIELDS = {
    "ModelMetadata": (
        "name",
        "description",
        "version",
        "subgraph_metadata",
        "author",
        "license",
        "associated_files",
        "min_parser_version",
    ),
    "SubGraphMetadata": (
        "name",
        "description",
        "input_tensor_metadata",
        "output_tensor_metadata",
        "associated_files",
        "input_process_units",
    ),
    "TensorMetadata": (
        "name",
        "description",
        "dimension_names",
        "content",
        "process_units",
        "stats",
        "associated_files",
    ),
    "Content": ("content_properties_type", "content_properties"),
    "FeatureProperties": (),
    "ProcessUnit": ("options_type", "options"),
    "BertTokenizerOptions": ("vocab_file",),
    "AssociatedFile": ("name", "description", "type"),
}

# Values of the enums and unions of the schema.
_AXIS_LABELS = 2
_VOCABULARY = 5
_FEATURES = 1
_BERT_TOKENIZER = 4


def add_metadata(model, name, description, vocabulary, labels=None):
    """Add the metadata of a model that reads text to a `.tflite` file.

    The file must be one that `export_tflite()` wrote. Its inputs get the names
    that the libraries look for, regardless of their order in the file.

    Args:
        model: The result of `model_file.load_model()`. It is changed in place.
        name: string. The name of the model, for people.
        description: string. What the model does, for people.
        vocabulary: List of strings. The tokens in the order of their ids.
        labels: List of strings or `None`. The classes of the first output in
            the order of their ids. Defaults to `None`.

    Returns:
        A dictionary that maps the names of the files in the metadata to lists
        of strings, their lines. The files must be appended to the model: see
        `append_files`.
    """
    from ai_edge_litert import schema_py_generated as schema

    inputs, outputs = signature_tensors(model)
    graph = model.subgraphs[0]
    files = {VOCABULARY_FILE: vocabulary}
    label_files = []
    if labels is not None:
        files[LABELS_FILE] = labels
        label_files.append(
            _table(
                "AssociatedFile",
                name=LABELS_FILE,
                description="The classes in the order of their scores.",
                type=_AXIS_LABELS,
            )
        )
    vocabulary_file = _table(
        "AssociatedFile",
        name=VOCABULARY_FILE,
        description="The tokens in the order of their ids.",
        type=_VOCABULARY,
    )
    tokenizer = _table(
        "ProcessUnit",
        options_type=_BERT_TOKENIZER,
        options=_table("BertTokenizerOptions", vocab_file=[vocabulary_file]),
    )
    names = {index: _ROLES[name] for name, index in inputs.items()}
    for output, index in outputs.items():
        names[index] = output if labels is None else _SCORES
    subgraph = _table(
        "SubGraphMetadata",
        input_tensor_metadata=[_tensor(names[i]) for i in graph.inputs],
        output_tensor_metadata=[
            _tensor(names[i], label_files) for i in graph.outputs
        ],
        input_process_units=[tokenizer],
    )
    metadata = _table(
        "ModelMetadata",
        name=name,
        description=description,
        subgraph_metadata=[subgraph],
        min_parser_version=_PARSER_VERSION,
    )
    builder = flatbuffers.Builder()
    builder.Finish(_write(builder, metadata), file_identifier=_IDENTIFIER)
    data = np.frombuffer(builder.Output(), "uint8")
    model.buffers.append(schema.BufferT(data=data))
    model.metadata = [
        *(model.metadata or []),
        schema.MetadataT(name=_MODEL_ENTRY, buffer=len(model.buffers) - 1),
    ]
    return files


def append_files(filepath, files):
    """Append the files that the metadata refers to to a `.tflite` file.

    Args:
        filepath: string. The file. It is changed in place.
        files: Dictionary. The result of `add_metadata()`.
    """
    # The libraries only read uncompressed archives.
    with zipfile.ZipFile(filepath, "a", zipfile.ZIP_STORED) as archive:
        for file, lines in files.items():
            # Use a fixed time, so that the same model gives the same file.
            archive.writestr(zipfile.ZipInfo(file), file_of_lines(lines))


def read_files(filepath):
    """Read the files that were appended to a `.tflite` file.

    Args:
        filepath: string. The file.

    Returns:
        A dictionary like that of `append_files()`. It is empty if the file has
        no metadata for libraries for phones.
    """
    if not zipfile.is_zipfile(filepath):
        return {}
    with zipfile.ZipFile(filepath) as archive:
        return {
            name: archive.read(name).decode("utf-8").split("\n")[:-1]
            for name in (VOCABULARY_FILE, LABELS_FILE, DECISION_FILE)
            if name in archive.namelist()
        }


def file_of_lines(lines):
    """The contents of a vocabulary or label file.

    Args:
        lines: List of strings.

    Returns:
        string.
    """
    return "".join(f"{line}\n" for line in lines)


def _tensor(name, files=()):
    content = _table(
        "Content",
        content_properties_type=_FEATURES,
        content_properties=_table("FeatureProperties"),
    )
    fields = {"associated_files": list(files)} if files else {}
    return _table("TensorMetadata", name=name, content=content, **fields)


def _table(table, /, **fields):
    return table, fields


def _write(builder, value):
    """Write a table or a field of one, and return its offset."""
    if isinstance(value, str):
        return builder.CreateString(value)
    if isinstance(value, list):
        offsets = [_write(builder, item) for item in value]
        builder.StartVector(4, len(offsets), 4)
        for offset in reversed(offsets):
            builder.PrependUOffsetTRelative(offset)
        return builder.EndVector()
    table, fields = value
    # Everything that a table refers to must be written before it.
    offsets = {
        field: _write(builder, item)
        for field, item in fields.items()
        if not isinstance(item, int)
    }
    builder.StartObject(len(_FIELDS[table]))
    for slot, field in enumerate(_FIELDS[table]):
        if field in offsets:
            builder.PrependUOffsetTRelativeSlot(slot, offsets[field], 0)
        elif field in fields:
            builder.PrependUint8Slot(slot, fields[field], 0)
    return builder.EndObject()
