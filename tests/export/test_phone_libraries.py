"""Tests exported files in MediaPipe and in TFLite's Task Library."""

import os
import subprocess
import zipfile

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema

from keras_squeeze import TFLiteModel
from keras_squeeze import datasets
from keras_squeeze import export_tflite
from keras_squeeze import models
from keras_squeeze.export.checks.evaluation import LabelledData
from keras_squeeze.export.conversion.model_file import load_model
from keras_squeeze.export.conversion.model_file import save_model
from keras_squeeze.export.phones.libraries import add_libraries_metadata
from keras_squeeze.export.phones.libraries import check_labels
from keras_squeeze.export.phones.metadata import add_metadata
from keras_squeeze.export.phones.metadata import append_files
from keras_squeeze.export.phones.tokenizer import PhoneTokenizer
from tests.backends import only_on
from tests.export.classifiers import SMALL
from tests.export.classifiers import randomise
from tests.export.classifiers import squeeze_bert_classifier
from tests.export.conftest import ACCENTS

pytestmark = only_on(
    "tensorflow", reason="the files do not depend on the backend"
)

TEXTS = [
    "See you at lunch?",
    "WINNER!! Claim your £1000 prize now: call 09061701461, code KL341.",
    "東京是日本的首都。",
    "",
    "a rather long text of more words than the file takes " * 5,
]


@pytest.fixture(scope="module")
def media_pipe():
    """A function that opens a file with a MediaPipe task."""
    pytest.importorskip("mediapipe", reason="MediaPipe is not installed")
    from mediapipe.tasks import python as tasks
    from mediapipe.tasks.python import text

    opened = []

    def media_pipe(name, path):
        options = getattr(text, f"{name}Options")(
            base_options=tasks.BaseOptions(model_asset_path=str(path))
        )
        opened.append(getattr(text, name).create_from_options(options))
        return opened[-1]

    yield media_pipe
    for task in opened:
        task.close()


@pytest.fixture(scope="module")
def media_pipe_ids(media_pipe, vocabulary, tmp_path_factory):
    """A function that returns MediaPipe's 40 ids of a text.

    The file returns the ids as its embedding.
    """
    names = ["input_word_ids", "input_mask", "input_type_ids", "embedding"]
    tensors = [
        schema.TensorT(
            shape=[1, 40], type=schema.TensorType.INT32, buffer=0, name=name
        )
        for name in names
    ]
    tensors[3].type = schema.TensorType.FLOAT32
    code = schema.BuiltinOperator.CAST
    graph = schema.SubGraphT(
        tensors=tensors,
        inputs=[0, 1, 2],
        outputs=[3],
        operators=[schema.OperatorT(opcodeIndex=0, inputs=[0], outputs=[3])],
    )
    signature = schema.SignatureDefT(
        signatureKey="serving_default",
        subgraphIndex=0,
        inputs=[schema.TensorMapT(names[i], i) for i in range(3)],
        outputs=[schema.TensorMapT(names[3], 3)],
    )
    model = schema.ModelT(
        version=3,
        operatorCodes=[schema.OperatorCodeT(code, builtinCode=code, version=1)],
        subgraphs=[graph],
        buffers=[schema.BufferT()],
        signatureDefs=[signature],
    )
    path = tmp_path_factory.mktemp("ids") / "ids.tflite"
    save_model(model, path)
    # Names that were read are bytes.
    write(path, load_model(path), "ids", "Gives the ids.", vocabulary)
    embedder = media_pipe("TextEmbedder", path)

    def media_pipe_ids(text):
        return embedder.embed(text).embeddings[0].embedding.astype(int).tolist()

    return media_pipe_ids


def write(path, model, *metadata):
    files = add_metadata(model, *metadata)
    save_model(model, path)
    append_files(path, files)


def scores_by_name(classifier, text):
    (answer,) = classifier.classify(text).classifications
    return {x.category_name: x.score for x in answer.categories}


def test_classifier(exported, media_pipe):
    task, path, report = exported
    classifier = media_pipe("TextClassifier", path)
    task.preprocessor.sequence_length = 40
    expected = task.probabilities(task.predict(TEXTS, verbose=0))
    task.preprocessor.sequence_length = 24
    assert np.ptp(expected, axis=0).max() > 0.01
    for text, row in zip(TEXTS, expected, strict=True):
        scores = scores_by_name(classifier, text)
        assert set(scores) == {"first", "second", "third"}
        np.testing.assert_allclose(
            [scores[name] for name in task.class_names], row, atol=1e-5
        )
    assert report.phone_libraries.obstacles == {
        "MediaPipe TextClassifier": None,
        "Task Library BertNLClassifier": None,
    }
    assert "MediaPipe TextClassifier: opens it" in str(report)


@pytest.mark.parametrize("kind", ["sms_spam", "intents", "emotions"])
def test_preset_that_is_ready(kind, media_pipe, tmp_path):
    path = tmp_path / "ready.tflite"
    task = models.MobileBertTextClassifier.from_preset(
        f"mobile_bert_tiny_en_uncased_{kind}"
    )
    export_tflite(task, path, quantization="dynamic_int8", verbose=False)
    classifier = media_pipe("TextClassifier", path)
    expected = task.probabilities(task.predict(TEXTS[:2], verbose=0))
    for text, row in zip(TEXTS[:2], expected, strict=True):
        scores = scores_by_name(classifier, text)
        assert set(scores) == set(task.class_names)
        best = int(row.argmax())
        name = task.class_names[best]
        assert max(scores, key=scores.get) == name
        assert scores[name] == pytest.approx(float(row[best]), abs=0.03)


def test_accents(exported, media_pipe, media_pipe_ids):
    """The report names the texts for which MediaPipe gives other scores."""
    task, path, report = exported
    assert report.phone_libraries.differing_texts == [ACCENTS]
    assert "their tokens differ for 1 of 3 texts" in str(report)
    scores = scores_by_name(media_pipe("TextClassifier", path), ACCENTS)
    scores = [scores[name] for name in task.class_names]
    model = TFLiteModel(path, task.preprocessor)
    assert np.abs(model.predict([ACCENTS])[0] - scores).max() > 1e-4
    ids = np.array([media_pipe_ids(ACCENTS)])
    inputs = {
        "token_ids": ids,
        "segment_ids": np.zeros_like(ids),
        "padding_mask": ids > 0,
    }
    np.testing.assert_allclose(model.predict(inputs)[0], scores, atol=1e-6)


def test_tokenizer_of_phones(media_pipe_ids, vocabulary, real_data):
    """All ids of thousands of texts agree, many of which differ from BERT."""
    (texts, _), _ = datasets.sms_spam.load_data()
    texts = list(map(str, texts[:1500]))
    folder = real_data / "unicode_text"
    for path in (*sorted((folder / "pud").iterdir()), folder / "blns.txt"):
        lines = path.read_text(encoding="utf-8").split("\n")
        texts += [line for line in lines if "\0" not in line][:300]
    texts += ["x" * 101, "é" * 51, "日" * 200, "no\u00a0break", "Ⅷ“quoted”—x"]
    tokenizer = PhoneTokenizer(vocabulary)
    differing = [
        text
        for text in texts
        if tokenizer.encode(text, 40) != media_pipe_ids(text)
    ]
    assert len(texts) > 3000
    assert differing == []


def test_embedder(media_pipe, vocabulary, tmp_path):
    """A quantized SqueezeBERT embedder works in MediaPipe."""
    backbone = models.SqueezeBertBackbone(
        vocabulary_size=30522, embedding_dim=32, **SMALL
    )
    preprocessor = models.SqueezeBertTextEmbedderPreprocessor(
        models.SqueezeBertTokenizer(vocabulary), sequence_length=16
    )
    task = randomise(models.SqueezeBertTextEmbedder(backbone, preprocessor))
    path = tmp_path / "embedder.tflite"
    (tmp_path / "embedder_app_files").mkdir()
    (tmp_path / "embedder_app_files" / "vocab.txt").write_text("older")
    report = export_tflite(
        task,
        path,
        sequence_length=16,
        quantization="dynamic_int8",
        per_channel=False,
        app_files=True,
        verbose=False,
    )
    assert report.phone_libraries.obstacles == {
        "MediaPipe TextEmbedder": None,
        "Task Library TextEmbedder": None,
    }
    assert sorted(x.name for x in tmp_path.iterdir()) == [
        "embedder.tflite",
        "embedder_app_files",
    ]
    folder = tmp_path / "embedder_app_files"
    assert report.app_folder == str(folder)
    assert sorted(x.name for x in folder.iterdir()) == [
        "contract.json",
        "golden.json",
        "vocab.txt",
    ]
    with zipfile.ZipFile(path) as archive:
        assert archive.read("vocab.txt") == (folder / "vocab.txt").read_bytes()
    embedder = media_pipe("TextEmbedder", path)
    expected = TFLiteModel(path, preprocessor).predict(TEXTS)
    for text, row in zip(TEXTS, expected, strict=True):
        (answer,) = embedder.embed(text).embeddings
        np.testing.assert_allclose(answer.embedding, row, atol=1e-5)


def test_metadata_in_the_words_of_the_schema(exported):
    oracle = pytest.importorskip(
        "mediapipe.tasks.metadata.metadata_schema_py_generated",
        reason="MediaPipe is not installed",
    )
    task, path, _ = exported
    model = load_model(path)
    (entry,) = (x for x in model.metadata if x.name == b"TFLITE_METADATA")
    data = bytes(model.buffers[entry.buffer].data)
    assert oracle.ModelMetadata.ModelMetadataBufferHasIdentifier(data, 0)
    metadata = oracle.ModelMetadataT.InitFromPackedBuf(data)
    assert metadata.name == b"MobileBertTextClassifier"
    assert metadata.minParserVersion == b"1.1.0"
    (subgraph,) = metadata.subgraphMetadata
    roles = {
        "serving_default_input_word_ids:0": b"ids",
        "serving_default_input_mask:0": b"mask",
        "serving_default_input_type_ids:0": b"segment_ids",
    }
    graph = model.subgraphs[0]
    names = [graph.tensors[i].name.decode() for i in graph.inputs]
    assert [x.name for x in subgraph.inputTensorMetadata] == [
        roles[name] for name in names
    ]
    (output,) = subgraph.outputTensorMetadata
    assert output.name == b"probability"
    (labels,) = output.associatedFiles
    assert labels.type == oracle.AssociatedFileType.TENSOR_AXIS_LABELS
    (unit,) = subgraph.inputProcessUnits
    assert isinstance(unit.options, oracle.BertTokenizerOptionsT)
    with zipfile.ZipFile(path) as archive:
        assert {x.compress_type for x in archive.infolist()} == {
            zipfile.ZIP_STORED
        }
        names = archive.read(labels.name.decode()).decode().splitlines()
        (vocabulary,) = unit.options.vocabFile
        tokens = archive.read(vocabulary.name.decode()).decode().splitlines()
    assert names == task.class_names
    assert tokens == list(task.preprocessor.tokenizer.vocabulary)


def test_same_metadata_twice_is_the_same_file(exported, tmp_path):
    _, path, _ = exported
    contents = []
    for name in ("a.tflite", "b.tflite"):
        model = load_model(path)
        write(tmp_path / name, model, "name", "text", ["a", "b"], ["c"])
        contents.append((tmp_path / name).read_bytes())
    assert contents[0] == contents[1]


@pytest.fixture
def obstacles(exported):
    """A function that returns the obstacles for a classifier.

    Its arguments change the preprocessor or the file.
    """
    task, path, _ = exported
    before = task.preprocessor

    def obstacles(change=lambda model: None, tokenizer=None, **kwargs):
        vocabulary = list(before.tokenizer.vocabulary)
        task.preprocessor = models.MobileBertTextClassifierPreprocessor(
            models.MobileBertTokenizer(
                **{"vocabulary": vocabulary, **(tokenizer or {})}
            ),
            **kwargs,
        )
        model = load_model(path)
        model.metadata = []
        change(model)
        result, files = add_libraries_metadata(
            model, task, task.class_names, TEXTS
        )
        is_changed = bool(model.metadata)
        assert is_changed == bool(files)
        assert is_changed == (None in result.obstacles.values())
        assert result.texts == (len(TEXTS) if is_changed else 0)
        return tuple(result.obstacles.values())

    yield obstacles
    task.preprocessor = before


def test_tokenizers_that_libraries_do_not_have(obstacles, vocabulary):
    def obstacle(**kwargs):
        first, second = obstacles(**kwargs)
        assert first == second
        return first

    assert obstacle() is None
    # Reported as a difference, not as an obstacle.
    assert obstacle(tokenizer={"strip_accents": False}) is None
    assert "lowercases" in obstacle(tokenizer={"lowercase": False})
    moved = [vocabulary[1], vocabulary[0], *vocabulary[2:]]
    assert "[PAD] in the vocabulary is 1" in obstacle(
        tokenizer={"vocabulary": moved}
    )
    assert "pieces" in obstacle(tokenizer={"suffix_indicator": ""})
    assert "pieces" in obstacle(tokenizer={"split": False})
    assert "[MASK]" in obstacle(tokenizer={"oov_token": "[MASK]"})
    broken = [*vocabulary[:-1], "a\nb"]
    assert "line breaks" in obstacle(tokenizer={"vocabulary": broken})
    assert "preprocessor the start" in obstacle(truncation_side="left")


def test_files_that_libraries_do_not_open(obstacles):
    def add_version(model):
        (code,) = (
            x
            for x in model.operatorCodes
            if x.builtinCode == schema.BuiltinOperator.FULLY_CONNECTED
        )
        code.version = 12

    media_pipe, task_library = obstacles(add_version)
    assert media_pipe is None
    assert task_library == (
        "lacks FULLY_CONNECTED of version 12, needs per_channel=False"
    )

    def add_subgraph(model):
        model.subgraphs.append(model.subgraphs[0])

    assert set(obstacles(add_subgraph)) == {
        "needs a file with one graph, for inputs of a single length"
    }


def test_model_without_preprocessor(exported):
    _, path, _ = exported
    result, _ = add_libraries_metadata(
        load_model(path), squeeze_bert_classifier(), ["a", "b", "c"], TEXTS
    )
    assert "with a preprocessor" in str(result)
    assert result.texts == 0


def test_questions_of_another_length(exported):
    """Also tests a model that no library supports."""
    task, path, _ = exported
    questions = models.MobileBertQuestionAnswering(
        task.backbone,
        preprocessor=models.MobileBertQuestionAnsweringPreprocessor(
            task.preprocessor.tokenizer
        ),
    )
    contents = load_model(path)
    result, _ = add_libraries_metadata(contents, questions, None, TEXTS)
    assert result.obstacles == {
        "Task Library BertQuestionAnswerer": "needs sequence_length=384"
    }
    result, files = add_libraries_metadata(contents, task.backbone, None, TEXTS)
    assert result.obstacles == {} and files == {}


def test_texts_to_compare_tokenizers_on(exported):
    task, _, _ = exported
    data = LabelledData(task, (np.array(TEXTS, "object"), [0, 1, 2, 0, 1]))
    assert data.texts == TEXTS
    assert LabelledData(task, ((TEXTS, TEXTS), [0, 1, 2, 0, 1])).texts is None


def test_labels(exported):
    task, _, _ = exported
    assert check_labels(task, None) == ["first", "second", "third"]
    assert check_labels(task, ["a", "b", "c"]) == ["a", "b", "c"]
    assert check_labels(squeeze_bert_classifier(), None)[2] == "LABEL_2"
    for labels in (["a", "b"], ["a", "b", ""], ["a", "b", "c\n"], "abc"):
        with pytest.raises(ValueError, match="`labels` must be a list of 3"):
            export_tflite(task, "x.tflite", sequence_length=8, labels=labels)
    regression = models.MobileBertTextClassifier(task.backbone, num_classes=1)
    assert check_labels(regression, None) is None
    for model in (regression, task.backbone):
        with pytest.raises(ValueError, match="`labels` must be None"):
            check_labels(model, ["a"])


_TASK_LIBRARY = """
import sys
from tflite_support.task import text
library, path, *texts = sys.argv[1:]
task = getattr(text, library).create_from_file(path)
if library == "BertNLClassifier":
    for x in texts:
        (answer,) = task.classify(x).classifications
        scores = {x.category_name: x.score for x in answer.categories}
        print(*(scores[name] for name in ("first", "second", "third")))
else:
    context, question = texts
    for answer in task.answer(context, question).answers:
        print(answer.pos.logit)
"""


@pytest.fixture(scope="module")
def task_library():
    """A function that returns the output of a Task Library task.

    `TASK_LIBRARY_PYTHON` is the Python of an environment with tflite-support,
    which requires older packages than the tests.
    """
    python = os.environ.get("TASK_LIBRARY_PYTHON")
    if python is None:
        pytest.skip("TASK_LIBRARY_PYTHON is not set")

    def task_library(*args):
        result = subprocess.run(
            [python, "-c", _TASK_LIBRARY, *map(str, args)],
            capture_output=True,
            text=True,
            env={"PATH": os.environ["PATH"]},
        )
        assert result.returncode == 0, result.stderr[-2000:]
        return np.array([x.split() for x in result.stdout.splitlines()], float)

    return task_library


def test_task_library_classifier(exported, task_library):
    task, path, _ = exported
    np.testing.assert_allclose(
        task_library("BertNLClassifier", path, *TEXTS),
        TFLiteModel(path, task.preprocessor).predict(TEXTS),
        atol=1e-5,
    )


@pytest.mark.parametrize(
    # An old runtime rounds the activations of quantized layers differently.
    ["quantization", "rtol"],
    [(None, 1e-5), ("dynamic_int8", 0.02)],
)
def test_task_library_questions(
    quantization, rtol, task_library, preprocessor, tmp_path
):
    backbone = models.MobileBertBackbone(
        vocabulary_size=30522,
        bottleneck_dim=16,
        embedding_dim=16,
        **{**SMALL, "max_sequence_length": 384},
    )
    task = models.MobileBertQuestionAnswering(
        backbone,
        preprocessor=models.MobileBertQuestionAnsweringPreprocessor(
            preprocessor.tokenizer
        ),
    )
    path = tmp_path / "questions.tflite"
    report = export_tflite(
        randomise(task),
        path,
        sequence_length=384,
        quantization=quantization,
        per_channel=False,
        verbose=False,
    )
    assert report.phone_libraries.obstacles == {
        "Task Library BertQuestionAnswerer": None
    }
    context = "Ada Lovelace was born in London in 1815. She wrote programs."
    question = "Where was she born?"
    (logits,) = task_library("BertQuestionAnswerer", path, context, question).T
    inputs = {"question": [question], "context": [context]}
    outputs = TFLiteModel(path, task.preprocessor).predict(inputs)
    tokens = preprocessor.tokenizer([question, context])
    first = len(tokens[0]) + 2
    context = slice(first, first + len(tokens[1]))
    sums = np.triu(
        np.add.outer(
            outputs["start_logits"][0, context],
            outputs["end_logits"][0, context],
        )
    )
    np.testing.assert_allclose(logits[0], sums.max(), rtol=rtol)
