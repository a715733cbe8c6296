"""Tests the page in a browser, on the CPU and with WebGPU."""

import json
import time

import numpy as np
import pytest

from keras_squeeze.demo import runtime as litert_js
from keras_squeeze.demo import site as site_module
from keras_squeeze.demo.site import write_demo
from tests.backends import only_on
from tests.demo.browser import BROWSER
from tests.demo.browser import Browser
from tests.demo.browser import served
from tests.demo.small_tasks import EMOJI
from tests.demo.small_tasks import KINDS
from tests.demo.small_tasks import LONG
from tests.demo.small_tasks import small_task

pytestmark = [
    only_on("torch", "the page does not depend on the backend"),
    pytest.mark.skipif(
        BROWSER is None,
        reason="the page runs in chromium-headless-shell, which is missing",
    ),
]

LOADED = """
const {page, loaded} = await import("./page.js");
await loaded;
"""
RESULT = LOADED + "return page.result;"


@pytest.fixture(scope="module")
def browser():
    browser = Browser()
    yield browser
    browser.close()


@pytest.fixture
def show(browser, litert_js_folder, export_small, tmp_path):
    """A function that exports a task and opens its page."""
    folder = tmp_path / "page"
    with served(tmp_path) as address:

        def show(kind, *arguments, **options):
            task, path = export_small(kind, *arguments, **options)
            write_demo(path, folder, runtime=litert_js_folder)
            browser.open(f"{address}/page/")
            browser.evaluate(LOADED)
            return task

        yield show


def text_of(browser, selector):
    return browser.evaluate(
        "return document.querySelector(argument).innerText", selector
    )


def answer(browser, texts, **options):
    return browser.evaluate(
        LOADED + "return page.answer(argument);", {"texts": texts, **options}
    )


def same_labels(found, expected):
    """Compare lists of labels and scores, or of answers."""
    for a, b in zip(found, expected, strict=True):
        b = dict(b)
        np.testing.assert_allclose(a["score"], b.pop("score"), atol=1e-5)
        assert {name: a[name] for name in b} == b


def check_texts(browser, task, inputs):
    for texts in inputs:
        rows = [[text] for text in texts]
        (expected,) = task.annotate(
            tuple(rows) if len(rows) > 1 else rows[0], top_k=task.num_classes
        )
        same_labels(answer(browser, texts)["classes"], expected)


def check_entities(browser, task, inputs):
    count = 0
    for texts in inputs:
        found = answer(browser, texts)["entities"]
        expected = task.annotate(texts[0])
        same_labels(found, expected)
        count += len(expected)
    assert count > 5


def check_questions(browser, task, inputs):
    for question, context in inputs:
        for is_possible in (True, False):
            expected = task.annotate(
                {"question": question, "context": context},
                top_k=3,
                handle_impossible_answer=not is_possible,
            )
            found = answer(
                browser, [question, context], mayHaveNoAnswer=not is_possible
            )
            same_labels(found["answers"], expected)


def check_choices(browser, task, inputs):
    for prompt, *choices in inputs:
        expected = task.annotate(
            {"prompt": prompt, "choices": choices}, top_k=len(choices)
        )
        found = answer(browser, [prompt], choices=choices)["classes"]
        same_labels(
            found,
            [{"label": x["answer"], "score": x["score"]} for x in expected],
        )


def check_masks(browser, task, inputs):
    for texts in inputs:
        pair = tuple(texts) if len(texts) > 1 else texts[0]
        expected = task.annotate(pair, top_k=5)
        if isinstance(expected, dict):
            result = answer(browser, texts)
            same_labels(result["classes"][:1], [_label_of(expected)])
            expected = expected["masks"]
        else:
            result = answer(browser, texts)
            if isinstance(expected[0], dict):
                expected = [expected]
        for found, words in zip(result["masks"], expected, strict=True):
            for word in words:
                sequence = word["sequence"]
                is_single = isinstance(sequence, str)
                word["sequence"] = [sequence] if is_single else [*sequence]
            same_labels(found, words)


def _label_of(answer):
    return {"label": answer["label"], "score": answer["score"]}


def check_search(browser, task, inputs):
    for query, *corpus in inputs:
        expected = task.search(query, corpus)
        found = answer(browser, [query], choices=corpus)["similar"]
        same_labels(
            found,
            [{"label": x["sequence"], "score": x["score"]} for x in expected],
        )


CHECKS = {
    "TextClassifier": check_texts,
    "TokenClassifier": check_entities,
    "QuestionAnswering": check_questions,
    "MultipleChoice": check_choices,
    "MaskedLM": check_masks,
    "NextSentencePredictor": check_texts,
    "Pretraining": check_masks,
    "TextEmbedder": check_search,
}


@pytest.mark.parametrize("kind", KINDS)
def test_answers_are_those_of_the_task(kind, show, browser):
    task = show(kind)
    result = browser.evaluate(RESULT)
    assert result["passed"] and result["done"] == 16
    assert result["difference"] < 1e-4
    assert text_of(browser, "#check").startswith("✓ Self-check passed")
    CHECKS[kind](browser, task, KINDS[kind][1])
    # The example in the form has an answer.
    browser.evaluate(LOADED + "await page.show();")
    assert text_of(browser, "#status") == ""
    assert "Tokenizer" in text_of(browser, "#results")
    # Nothing is wider than the screen of a small phone.
    browser.resize(320)
    width = browser.evaluate("return document.documentElement.scrollWidth")
    assert width == 320


def test_form(show, browser):
    """The form works with the keyboard, and shows what is in the text."""
    show("TextClassifier")
    num_requests = len(browser.requests)
    browser.evaluate('document.querySelector("textarea").select()')
    browser.call("Input.insertText", text=LONG)
    control = 2
    browser.press("Enter", code=13, modifiers=control)
    wait_for(browser, '!document.querySelector("#results").hidden')
    shown = text_of(browser, "#results")
    # The label is not read as HTML.
    assert "<b>" in shown and "%" in shown
    tokens = len(small_task("TextClassifier").preprocessor.tokenizer(LONG))
    assert f"{tokens} tokens, of which the model read 22" in shown
    # From the text over the details and the examples to the button.
    for _ in range(6):
        browser.press("Tab", code=9)
    assert browser.evaluate("return document.activeElement.id") == "run"
    browser.press("Tab", code=9)
    browser.press("ArrowRight", code=39)
    wait_for(browser, 'page.result && page.model.accelerator === "webgpu"')
    # What is typed is not sent anywhere.
    assert browser.requests[num_requests:] == []


def wait_for(browser, condition):
    """Wait until a condition in JavaScript is true."""
    program = LOADED + f"return Boolean({condition});"
    for _ in range(600):
        if browser.evaluate(program):
            return
        time.sleep(0.1)
    raise AssertionError(f"{condition} did not become true")


# The lengths of the signatures that a text runs with.
LENGTHS = (
    LOADED
    + """
    const lengths = [];
    page.model.runSignature = function (signature, inputs) {
      lengths.push(signature.sequence_length);
      return Object.getPrototypeOf(this).runSignature.call(
        this, signature, inputs);
    };
    await page.answer({texts: [argument]});
    delete page.model.runSignature;
    return lengths;
    """
)


@pytest.mark.parametrize(
    "options, quantization",
    [
        ({"multi_label": True, "threshold": [0.2, 0.9, 0.5]}, None),
        ({"background_class": 1, "threshold": 0.6}, None),
        ({"num_classes": 1, "class_names": None}, None),
        ({}, "dynamic_int8"),
    ],
)
def test_classifiers(options, quantization, show, browser):
    task = small_task("TextClassifier", **options)
    # Texts run with the shortest length that they fit in.
    show("TextClassifier", (8, 16, 24), task, quantization=quantization)
    result = browser.evaluate(RESULT)
    assert result["passed"] and result["done"] == 3 * 16
    for text, length in (("Ada", 8), (EMOJI, 24), (LONG, 24)):
        found = answer(browser, [text])
        assert browser.evaluate(LENGTHS, text) == [length]
        if task.multi_label:
            expected = task.annotate(text, top_k=3)
            same_labels(found["several"], expected)
            selected = [x for x in found["several"] if x["isSelected"]]
            same_labels(selected, task.annotate(text))
        elif task.num_classes == 1:
            (number,) = task.predict([text], verbose=0)[0]
            np.testing.assert_allclose(found["number"], number, rtol=1e-5)
        else:
            expected = task.annotate(text)
            assert found["classes"][0]["label"] == expected["label"]
            if quantization is None:
                same_labels(found["classes"][:1], [expected])
    browser.evaluate(LOADED + "await page.show();")
    assert "Tokenizer" in text_of(browser, "#results")


@pytest.mark.parametrize(
    "kind", ["TextClassifier", "TokenClassifier", "MaskedLM", "Pretraining"]
)
def test_files_that_return_logits(kind, show, browser):
    task = show(kind, probabilities=False)
    assert browser.evaluate(RESULT)["passed"]
    CHECKS[kind](browser, task, KINDS[kind][1])


def test_questions_that_cannot_be_answered(show, browser):
    show("QuestionAnswering")
    for texts, message in (
        (["Why?", " "], "must have words"),
        ([LONG, LONG], "tokens, but at most"),
    ):
        browser.evaluate(
            LOADED
            + """
            const {question, context} = document.forms[0].elements;
            [question.value, context.value] = argument;
            await page.show();
            """,
            texts,
        )
        assert message in text_of(browser, "#status")
        assert browser.evaluate(
            'return document.querySelector("#results").hidden'
        )


@pytest.fixture
def site(litert_js_folder, exported_classifier, tmp_path):
    """The folder of a page, which a test can damage."""
    _, path = exported_classifier
    write_demo(path, tmp_path / "page", runtime=litert_js_folder)
    return tmp_path / "page"


def open_damaged(browser, site):
    with served(site) as address:
        browser.open(address)
        browser.evaluate(LOADED)
        return text_of(browser, "#status")


@pytest.mark.parametrize(
    "name", ["vocab.txt", "golden.json", "model.tflite", "runtime/litert.js"]
)
def test_missing_files(name, site, browser):
    (site / name).unlink()
    assert name in open_damaged(browser, site)


def test_changed_runtime_is_not_run(site, browser):
    path = site / "runtime" / "litert.js"
    path.write_text(path.read_text() + "\n;")
    assert "is not the file that this page was made with" in open_damaged(
        browser, site
    )


@pytest.mark.parametrize(
    "change, message",
    [
        (lambda row: row["texts"].append("x"), "1 of the 16 examples have"),
        (
            lambda row: row["outputs"]["probabilities"].reverse(),
            "the outputs differ by at most",
        ),
    ],
)
def test_self_check_that_fails(change, message, site, browser):
    path = site / "golden.json"
    rows = json.loads(path.read_text(encoding="utf-8"))
    change(rows[0])
    path.write_text(json.dumps(rows), encoding="utf-8")
    assert open_damaged(browser, site) == ""
    line = text_of(browser, "#check")
    assert line.startswith("✗ Self-check failed") and message in line
    assert not browser.evaluate(RESULT)["passed"]


@pytest.mark.parametrize(
    "gpu, message",
    [
        ("undefined", "This browser has no WebGPU."),
        ("{requestAdapter: async () => null}", "found no GPU for it"),
    ],
)
def test_browser_without_webgpu(gpu, message, site, browser):
    script = browser.call(
        "Page.addScriptToEvaluateOnNewDocument",
        source=f'Object.defineProperty(navigator, "gpu", {{value: {gpu}}});',
    )
    assert open_damaged(browser, site) == ""
    browser.call("Page.removeScriptToEvaluateOnNewDocument", **script)
    assert message in text_of(browser, "#note")
    assert browser.evaluate(
        "return document.forms[0].elements.accelerator[1].disabled"
    )
    assert browser.evaluate(RESULT)["passed"]


def test_model_that_webgpu_does_not_run(site, browser):
    with served(site) as address:
        browser.open(address)
        browser.evaluate(
            LOADED
            + """
            page.model.compile = async () => { throw new Error("too large"); };
            document.forms[0].elements.accelerator.value = "webgpu";
            await page.change("webgpu");
            """
        )
    message = "The model does not run on WebGPU: too large"
    assert text_of(browser, "#status") == message
    chosen = "return document.forms[0].elements.accelerator.value"
    assert browser.evaluate(chosen) == "wasm"
    # It still runs on the CPU.
    browser.evaluate(LOADED + "await page.show();")
    assert text_of(browser, "#status") == ""
    assert "%" in text_of(browser, "#results")


def test_page_that_loads_the_runtime_from_elsewhere(
    litert_js_folder, exported_classifier, tmp_path, browser, monkeypatch
):
    _, path = exported_classifier
    write_demo(path, tmp_path / "first", runtime=litert_js_folder)
    with served(tmp_path / "first" / "runtime") as cdn:
        published = litert_js.published_files()
        for name, file in published.items():
            file["url"] = f"{cdn}/{name}"
        monkeypatch.setattr(site_module, "published_files", lambda: published)
        monkeypatch.setattr(site_module, "CDN", cdn)
        write_demo(path, tmp_path / "page")
        assert open_damaged(browser, tmp_path / "page") == ""
    assert browser.evaluate(RESULT)["passed"]
    hosts = {url.rpartition("/")[0] for url in browser.requests}
    hosts = {host for host in hosts if not host.startswith("blob:")}
    # Its own files, and those of LiteRT.js.
    assert len(hosts) == 2 and cdn in hosts
    # The policy of the page forbids all other hosts.
    assert browser.evaluate(
        """
        try {
          await fetch("http://127.0.0.2:9/");
        } catch (error) {
          return error.message;
        }
        """
    )
    assert any("Content Security Policy" in x for x in browser.messages)


@pytest.mark.parametrize("kind", KINDS)
def test_webgpu(kind, show, browser):
    """The GPU runs all operations, as the report says, and correctly."""
    show(kind)
    browser.evaluate(
        LOADED
        + """
        document.forms[0].elements.accelerator.value = "webgpu";
        await page.change("webgpu");
        """
    )
    assert text_of(browser, "#status") == ""
    assert text_of(browser, "#note") == ""
    result = browser.evaluate(RESULT)
    assert browser.evaluate(LOADED + "return page.model.accelerator") == (
        "webgpu"
    )
    assert browser.evaluate(
        LOADED + "return page.model.compiled.isFullyAccelerated"
    )
    assert result["passed"] and result["difference"] < 1e-2
