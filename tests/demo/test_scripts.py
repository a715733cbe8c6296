"""Tests that the scripts of the page do what the package does."""

import random

import numpy as np
import pytest

from keras_squeeze.metrics.entities import entity_spans
from keras_squeeze.models.class_names import softmax
from keras_squeeze.models.decisions import Decision
from keras_squeeze.models.tasks.answer_spans import AnswerSpans
from keras_squeeze.models.tasks.mask_filling_task import _fill
from keras_squeeze.tokenizers.sequence_packer import TRUNCATE_STRATEGIES
from keras_squeeze.tokenizers.sequence_packer import SequencePacker
from keras_squeeze.tokenizers.windows import sliding_windows
from tests.backends import only_on
from tests.demo.node import needs_node
from tests.demo.node import run_module
from tests.tokenizer_programs import sizes_to_pack

pytestmark = [needs_node, only_on("torch", "the scripts have no backend")]

PACK = """
const {pack} = await import("./packing.js");
const {truncation, side, rows, length} = argument;
const roles = {start: "s", end: "e", padding: "p"};
const contract = {
  tokenizer: {roles, special_ids: {s: 101, e: 102, p: 7}},
  packing: {truncation, truncation_side: side},
};
return rows.map((segments) => pack(segments, length, contract).inputs);
"""


@pytest.mark.parametrize("side", ["right", "left"])
@pytest.mark.parametrize("strategy", TRUNCATE_STRATEGIES)
def test_packing(strategy, side, tmp_path):
    length = 12
    draw = random.Random(0)
    rows = [
        [draw.sample(range(1000), size) for size in sizes]
        for sizes in sizes_to_pack(strategy, length)
    ]
    argument = {
        "truncation": strategy,
        "side": side,
        "rows": rows,
        "length": length,
    }
    packer = SequencePacker(length, 101, 102, 7, strategy, side)
    for row, inputs in zip(
        rows, run_module(tmp_path, PACK, argument), strict=True
    ):
        expected = packer(
            [(np.array(x, "int32"), np.array([len(x)])) for x in row]
        )
        names = ("input_word_ids", "input_type_ids", "input_mask")
        for name, (values,) in zip(names, expected, strict=True):
            assert inputs[name] == values.tolist(), row


def test_windows(tmp_path):
    cases = [
        [length, room, overlap]
        for length in range(30)
        for room in range(1, 9)
        for overlap in range(room)
    ]
    found = run_module(
        tmp_path,
        'const {windowsOf} = await import("./packing.js");\n'
        "return argument.map((x) => windowsOf(...x));",
        cases,
    )
    for (length, room, overlap), windows in zip(cases, found, strict=True):
        _, *expected = sliding_windows(np.array([length]), room, overlap)
        starts, sizes = (x.tolist() for x in expected)
        assert [x["start"] for x in windows] == starts
        assert [x["size"] for x in windows] == sizes


def test_entity_spans(tmp_path):
    draw = random.Random(0)
    prefixes = ["", "B-", "I-", "E-", "L-", "S-", "U-"]
    labels = ["O", "B", "I", "S", "Bus", "O-x", "B-O", "I-", "-"]
    labels += [prefix + name for prefix in prefixes for name in ("per", "loc")]
    rows = [draw.choices(labels, k=draw.randrange(9)) for _ in range(5_000)]
    found = run_module(
        tmp_path,
        'const {entitySpans} = await import("./answers.js");\n'
        "return argument.map(entitySpans);",
        rows,
    )
    for row, spans in zip(rows, found, strict=True):
        spans = [(x["label"], x["first"], x["last"] + 1) for x in spans]
        assert spans == entity_spans(row), row


@pytest.mark.parametrize("background", [None, 0, 2])
@pytest.mark.parametrize("threshold", [None, 0.0, 0.3, 0.45, 1.0])
def test_decisions(tmp_path, threshold, background):
    random_numbers = np.random.default_rng(0)
    logits = random_numbers.normal(scale=2, size=(200, 4))
    rows = softmax(logits).astype("float32")
    if threshold:
        # One that is exactly the threshold is not above it.
        rows[0] = threshold
    labels = ["a", "b", "c", "d"]
    contract = {
        "labels": labels,
        "threshold": threshold,
        "background_class": background,
    }
    found = run_module(
        tmp_path,
        'const {decide} = await import("./answers.js");\n'
        "return argument.rows.map((x) => decide(x, argument.contract));",
        {"rows": rows.astype("float64").tolist(), "contract": contract},
    )
    decision = Decision(threshold, background)
    expected = decision.answers(rows, labels, top_k=4)
    for answer, other in zip(found, expected, strict=True):
        assert [x["label"] for x in answer] == [x["label"] for x in other]
        np.testing.assert_allclose(
            [x["score"] for x in answer], [x["score"] for x in other], atol=1e-6
        )


@pytest.mark.parametrize("threshold", [None, 0.3, [0.1, 0.5, 0.9]])
def test_decisions_about_each_class(tmp_path, threshold):
    rows = np.random.default_rng(0).uniform(size=(100, 3)).astype("float32")
    rows[0] = 0.3 if threshold is None else threshold
    labels = ["a", "b", "c"]
    found = run_module(
        tmp_path,
        'const {decideEach} = await import("./answers.js");\n'
        "return argument.rows.map((x) => decideEach(x, argument.contract));",
        {
            "rows": rows.astype("float64").tolist(),
            "contract": {"labels": labels, "threshold": threshold},
        },
    )
    decision = Decision(threshold, multi_label=True)
    expected = decision.answers(rows, labels)
    for answer, other in zip(found, expected, strict=True):
        selected = [x for x in answer if x.pop("isSelected")]
        assert selected == other
        assert len(answer) == 3


def test_answer_spans(tmp_path):
    random_numbers = np.random.default_rng(0)
    cases = []
    for _ in range(20):
        windows = []
        first = 0
        for _ in range(3):
            size = int(random_numbers.integers(0, 45))
            words = np.sort(random_numbers.integers(first, first + 20, size))
            logits = random_numbers.normal(scale=3, size=(2, size + 1))
            windows.append([*logits.astype("float32").tolist(), words.tolist()])
            first += 10
        cases.append(windows)
    found = run_module(
        tmp_path,
        'const {AnswerSpans} = await import("./answers.js");\n'
        "return argument.map((windows) => {\n"
        "  const spans = new AnswerSpans(4);\n"
        "  for (const window of windows) spans.add(...window);\n"
        "  return [spans.noAnswer, spans.best()];\n"
        "});",
        cases,
    )
    for windows, (no_answer, best) in zip(cases, found, strict=True):
        spans = AnswerSpans(max_answer_length=30, top_k=4)
        for starts, ends, words in windows:
            spans.add_window(
                np.array(starts, "float32"),
                np.array(ends, "float32"),
                np.array(words, "int64"),
            )
        np.testing.assert_allclose(no_answer, spans.no_answer_score, 1e-12)
        expected = spans.best()
        assert [(x["first"], x["last"]) for x in best] == [
            tuple(x[1:]) for x in expected
        ]
        np.testing.assert_allclose(
            [x["score"] for x in best], [x[0] for x in expected], 1e-12
        )


def test_filled_masks(tmp_path):
    texts = ["a [MASK] b[MASK]", "[MASK]", "none", " [MASK] [MASK]"]
    cases = [
        [list(text), "[MASK]", index, word, "##"]
        for text in ([x] for x in texts)
        for index in range(-1, 3)
        for word in ("word", "##s", "##")
    ]
    cases += [
        [[first, second], "[MASK]", index, word, "##"]
        for first in texts
        for second in texts
        for index in range(4)
        for word in ("word", "##s")
    ]
    found = run_module(
        tmp_path,
        'const {fill} = await import("./answers.js");\n'
        "return argument.map((x) => fill(...x));",
        cases,
    )
    for (text, mask, index, word, prefix), filled in zip(
        cases, found, strict=True
    ):
        expected = _fill(tuple(text), mask, index, word, prefix)
        if isinstance(expected, str):
            expected = (expected,)
        assert tuple(filled) == expected
