"""Tests pipelines against those of transformers on the same checkpoint."""

import warnings

import keras
import numpy as np
import pytest
import torch
import transformers

import keras_squeeze
from keras_squeeze import models
from tests.backends import only_on
from tests.checkpoint_folders import MODELS
from tests.checkpoint_folders import MobileBert
from tests.checkpoint_folders import SqueezeBert
from tests.checkpoint_folders import save_checkpoint
from tests.model_oracle import randomized
from tests.transformers.faces import face
from tests.transformers_versions import IS_TRANSFORMERS_4
from tests.transformers_versions import needs_transformers_4

PRESET = "squeeze_bert_tiny_en_uncased"
TEXTS = ["the Quick brown fox!", "a b?", "Jumps over. the lazy dög 7 dogs"]
pytestmark = pytest.mark.usefixtures("quiet")
on_one_backend = only_on(
    "torch", reason="answers are made on NumPy; the models are tested on all"
)
NLI = {0: "contradiction", 1: "neutral", 2: "ENTAILMENT"}
HEADS = {
    "text-classification": "ForSequenceClassification",
    "zero-shot-classification": "ForSequenceClassification",
    "token-classification": "ForTokenClassification",
    "question-answering": "ForQuestionAnswering",
    "fill-mask": "ForMaskedLM",
    "feature-extraction": "Model",
}


def checkpoint(task, folder, model=MobileBert, **config):
    """A folder with a random checkpoint whose predictions are unsure."""
    theirs = randomized(
        getattr(transformers, model.original + HEADS[task]),
        model.config(**{"num_hidden_layers": 1, **config}),
        norm_mean=1.0,
    )
    head = getattr(theirs, "classifier", getattr(theirs, "qa_outputs", None))
    if head is not None:
        head.weight.data *= 3
    return save_checkpoint(theirs, folder)


def both(task, folder, **options):
    """Our pipeline and that of transformers for a checkpoint folder."""
    ours = keras_squeeze.pipeline(task, model=folder, **options)
    framework = {"framework": "pt"} if IS_TRANSFORMERS_4 else {}
    theirs = transformers.pipeline(
        task, model=folder, device="cpu", **framework, **options
    )
    return ours, theirs


def assert_same(ours, theirs):
    """Check that answers have the same structure and the same values."""
    if isinstance(theirs, dict):
        assert list(ours) == list(theirs)
        ours, theirs = list(ours.values()), list(theirs.values())
    if isinstance(theirs, list):
        assert isinstance(ours, list)
        assert len(ours) == len(theirs)
        for our, their in zip(ours, theirs, strict=True):
            assert_same(our, their)
    elif isinstance(theirs, (float, np.floating)):
        assert type(ours) is float
        assert ours == pytest.approx(float(theirs), rel=1e-4, abs=1e-6)
    else:
        assert type(ours) is type(theirs)
        assert ours == theirs


def check(ours, theirs, *args, **kwargs):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected = theirs(*args, **kwargs)
    assert_same(ours(*args, **kwargs), expected)
    return expected


def test_outputs_of_every_backend(classifiers, mask_fillers, answerers):
    check(*classifiers, TEXTS[1])
    check(*mask_fillers, "a [MASK] b")
    check(*answerers, question=QUESTION, context=CONTEXT, max_seq_len=32)


# === Text classification ===


@pytest.fixture(scope="module")
def classifiers(tmp_path_factory):
    folder = checkpoint(
        "text-classification",
        tmp_path_factory.mktemp("classifier"),
        num_labels=3,
        id2label=NLI,
        label2id={name: i for i, name in NLI.items()},
    )
    return both("text-classification", folder)


@on_one_backend
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"top_k": 1},
        {"top_k": 2},
        {"top_k": None},
        {"function_to_apply": "sigmoid"},
        {"function_to_apply": "none", "top_k": None},
        pytest.param(
            {"return_all_scores": True},
            marks=needs_transformers_4("`return_all_scores`"),
        ),
        {"truncation": True, "max_length": 5},
    ],
)
def test_text_classification(classifiers, options):
    pair = {"text": TEXTS[0], "text_pair": TEXTS[1]}
    for inputs in (
        TEXTS[0],
        TEXTS[:1],
        TEXTS,
        pair,
        [pair, pair],
        {"text": TEXTS[0]},
    ):
        check(*classifiers, inputs, **options)


@on_one_backend
@pytest.mark.parametrize(
    "config",
    [
        {"num_labels": 1},
        {"num_labels": 1, "problem_type": "regression"},
        {"num_labels": 3, "problem_type": "multi_label_classification"},
    ],
)
def test_function_follows_from_the_problem(config, tmp_path):
    folder = checkpoint("text-classification", tmp_path, **config)
    pipes = both("sentiment-analysis", folder, top_k=None, batch_size=2)
    check(*pipes, TEXTS)
    # The result is only a list if this is set when the pipeline is created.
    check(*pipes, TEXTS[0])


@on_one_backend
def test_names_are_those_of_the_configuration(classifiers):
    ours, _ = classifiers
    pipe = keras_squeeze.pipeline(
        "text-classification", model=ours.model, tokenizer=ours.tokenizer
    )
    before = pipe(TEXTS)
    assert {answer["label"] for answer in before} <= set(NLI.values())
    names = ours.model.config.id2label
    ours.model.config.id2label = {i: str(i) for i in names}
    after = pipe(TEXTS)
    ours.model.config.id2label = names
    assert [names[int(x["label"])] for x in after] == [
        x["label"] for x in before
    ]


# === Zero-shot classification ===


@on_one_backend
@pytest.mark.parametrize(
    "options",
    [
        {"candidate_labels": ["fox", "dog", "cat"]},
        {"candidate_labels": "fox, dog,cat", "multi_label": True},
        {"candidate_labels": ["fox"], "hypothesis_template": "a {}!"},
    ],
)
def test_zero_shot_classification(classifiers, options):
    ours, theirs = (
        make(
            "zero-shot-classification",
            model=pipe.model,
            tokenizer=pipe.tokenizer,
        )
        for make, pipe in zip(
            (keras_squeeze.pipeline, transformers.pipeline),
            classifiers,
            strict=True,
        )
    )
    check(ours, theirs, TEXTS, **options)
    check(ours, theirs, TEXTS[0], **options)
    labels = options.pop("candidate_labels")
    check(ours, theirs, TEXTS[:1], labels, **options)
    assert ours([], labels) == []
    with pytest.raises(ValueError, match="at least one label"):
        ours(TEXTS, [])
    with pytest.raises(ValueError, match="must have {} where"):
        ours(TEXTS, ["dog"], hypothesis_template="a")


@on_one_backend
def test_zero_shot_without_entailment(tmp_path):
    folder = checkpoint("text-classification", tmp_path, num_labels=3)
    with pytest.warns(UserWarning, match="starts with `entail`"):
        pipes = both("zero-shot-classification", folder)
    check(*pipes, TEXTS, ["dog", "cat"])
    check(*pipes, TEXTS, ["dog", "cat"], multi_label=True)


# === Token classification ===

ENTITIES = ["O", "B-a", "I-a", "B-b", "I-b"]


@pytest.fixture(scope="module")
def token_classifiers(tmp_path_factory):
    folder = tmp_path_factory.mktemp("token_classifier")
    checkpoint(
        "token-classification",
        folder,
        SqueezeBert,
        num_labels=5,
        id2label=dict(enumerate(ENTITIES)),
        label2id={name: i for i, name in enumerate(ENTITIES)},
    )
    cls = transformers.SqueezeBertForTokenClassification
    theirs = cls.from_pretrained(folder)
    tokenizer = transformers.SqueezeBertTokenizerFast.from_pretrained(folder)
    with torch.no_grad():
        # Otherwise the bias gives all tokens the same class.
        inputs = tokenizer(TEXTS, padding=True, return_tensors="pt")
        logits = theirs(**inputs).logits.flatten(0, 1)
        theirs.classifier.weight.div_(logits.std(0)[:, None])
        theirs.classifier.bias.sub_(logits.mean(0)).div_(logits.std(0))
    theirs.save_pretrained(folder)
    return both("ner", str(folder))


@on_one_backend
@pytest.mark.parametrize(
    "strategy", [None, "none", "simple", "first", "average", "max"]
)
def test_token_classification(token_classifiers, strategy):
    options = {} if strategy is None else {"aggregation_strategy": strategy}
    expected = check(*token_classifiers, TEXTS, **options)
    check(*token_classifiers, TEXTS[2], **options)
    name = "entity" if strategy in (None, "none") else "entity_group"
    assert len({entity[name] for row in expected for entity in row}) > 1
    # Also ignore no entities, or some of them.
    for labels in ([], ["a", "B-b"]):
        check(*token_classifiers, TEXTS, ignore_labels=labels, **options)
    words = [text.split() for text in TEXTS]
    options["is_split_into_words"] = True
    check(*token_classifiers, words, **options)
    check(*token_classifiers, words[0], delimiter="--", **options)


@on_one_backend
def test_labels_of_other_schemes(token_classifiers, monkeypatch):
    labels = ["O", "B-a", "I-a", "E-a", "S-a"]
    for pipe in token_classifiers:
        monkeypatch.setattr(
            pipe.model.config, "id2label", dict(enumerate(labels))
        )
    expected = check(*token_classifiers, TEXTS, aggregation_strategy="first")
    found = [entity["entity_group"] for row in expected for entity in row]
    assert found.count("a") > 1


@needs_transformers_4("slow tokenizers")
@on_one_backend
def test_slow_tokens(token_classifiers):
    ours, theirs = (
        make(
            "token-classification",
            model=pipe.model,
            tokenizer=package.SqueezeBertTokenizer.from_pretrained(
                token_classifiers[0].model.config.name_or_path
            ),
            aggregation_strategy="simple",
        )
        for make, package, pipe in zip(
            (keras_squeeze.pipeline, transformers.pipeline),
            (keras_squeeze, transformers),
            token_classifiers,
            strict=True,
        )
    )
    check(ours, theirs, TEXTS)
    check(ours, theirs, TEXTS, aggregation_strategy="none")
    for options in (
        {"aggregation_strategy": "first"},
        {"is_split_into_words": True},
    ):
        with pytest.raises(ValueError, match="must be a fast tokenizer"):
            ours([TEXTS], **options)


@on_one_backend
def test_entities_are_those_of_annotate(token_classifiers):
    pipe, _ = token_classifiers
    task = models.SqueezeBertTokenClassifier.from_preset(
        pipe.model.config.name_or_path
    )
    expected = task.annotate(TEXTS)
    found = pipe(TEXTS, aggregation_strategy="first")
    for row, expected_row in zip(found, expected, strict=True):
        for entity, other in zip(row, expected_row, strict=True):
            assert entity["entity_group"] == other["label"]
            assert entity["start"] == other["start"]
            assert entity["score"] == pytest.approx(other["score"], rel=1e-4)


# === Masks ===


@pytest.fixture(scope="module")
def mask_fillers(tmp_path_factory):
    folder = tmp_path_factory.mktemp("mask_filler")
    return both("fill-mask", checkpoint("fill-mask", folder, SqueezeBert))


@on_one_backend
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"top_k": 3},
        {"targets": "a"},
        {"targets": ["b", "##c", "xyz"], "top_k": 2},
    ],
)
def test_fill_mask(mask_fillers, options):
    ours, theirs = mask_fillers
    text = f"the Quick {ours.tokenizer.mask_token} b."
    two = "a [MASK] or [MASK] b"
    if "xyz" in options.get("targets", []):
        with pytest.warns(UserWarning, match="'xyz' is not in the vocabulary"):
            ours(text, **options)
    check(ours, theirs, text, **options)
    check(ours, theirs, [text], **options)
    check(ours, theirs, [text, "a [MASK]"], **options)
    if "targets" not in options:
        check(ours, theirs, two, **options)
        check(ours, theirs, [two, text], **options)
    with pytest.raises(ValueError, match=r"must have a `\[MASK\]`"):
        ours([text, "a b"])
    with pytest.raises(ValueError, match="`targets` must have at least one"):
        ours(text, targets=[])


# === Features ===


@on_one_backend
@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.original)
def test_feature_extraction(model, tmp_path):
    folder = checkpoint("feature-extraction", tmp_path, model)
    pipes = both("feature-extraction", folder)
    check(*pipes, TEXTS)
    check(*pipes, TEXTS[0])
    check(*pipes, TEXTS, tokenize_kwargs={"max_length": 4, "truncation": True})
    array = pipes[0](TEXTS[0], return_tensors=True)
    assert_same(array.tolist(), pipes[1](TEXTS[0]))


# === Question answering ===


@pytest.fixture(scope="module")
def answerers(tmp_path_factory):
    if not IS_TRANSFORMERS_4:
        pytest.skip("transformers 4 has the pipeline, later versions do not")
    folder = tmp_path_factory.mktemp("answerer")
    # MobileBERT gives slightly different results for padded windows.
    checkpoint("question-answering", folder, SqueezeBert)
    return both("question-answering", str(folder))


QUESTION = "who?"
# All words are unique and have a single token.
CONTEXT = "a b? c! d e. f g h i j k l"


@on_one_backend
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"max_answer_len": 2},
        {"handle_impossible_answer": True},
        {"max_seq_len": 12, "doc_stride": 0, "max_answer_len": 3},
    ],
)
def test_question_answering(answerers, options):
    options = {"question": QUESTION, "context": CONTEXT, **options}
    found = check(*answerers, **options)
    assert list(found) == ["score", "start", "end", "answer"]
    # transformers only adds the scores of as many candidates as requested.
    ours, theirs = answerers
    answers = ours(**options, top_k=4)
    expected = {x["answer"]: x for x in theirs(**options, top_k=40)}
    assert len(answers) == 4
    for answer in answers:
        assert_same(answer, expected[answer["answer"]])
    assert answers == sorted(answers, key=lambda x: -x["score"])


@on_one_backend
def test_forms_of_questions(answerers):
    for options in (
        {"question": [QUESTION, "b?"], "context": [CONTEXT, "c d e"]},
        {"question": [QUESTION, "b?"], "context": CONTEXT},
        {"question": [QUESTION], "context": [CONTEXT]},
    ):
        check(*answerers, **options, max_seq_len=40)
    sample = {"question": QUESTION, "context": CONTEXT}
    for inputs in (sample, [sample], [sample, sample]):
        check(*answerers, inputs, max_seq_len=40)
    ours, _ = answerers
    with pytest.raises(ValueError, match="`question` and `context` must be"):
        ours(question=QUESTION)
    with pytest.raises(ValueError, match="must have the same length"):
        ours(question=[QUESTION] * 2, context=[CONTEXT])
    with pytest.raises(ValueError, match="`align_to_words` must be True"):
        ours(sample, align_to_words=False)


# === Arguments ===


def assert_both_raise(pipes, *args, **kwargs):
    """Check that both raise the same kind of error."""
    kinds = []
    for pipe in pipes:
        with pytest.raises((ValueError, KeyError)) as error:
            pipe(*args, **kwargs)
        kinds.append(error.type)
    assert kinds[0] is kinds[1]


@on_one_backend
def test_questions_that_cannot_be(answerers):
    good = {"question": QUESTION, "context": CONTEXT}
    for bad in (
        {"question": ""},
        {"context": ""},
        {"question": None},
        {"question": [QUESTION, ""]},
        {"max_answer_len": 0},
        {"top_k": 0},
        {"doc_stride": 9, "max_seq_len": 8},
    ):
        assert_both_raise(answerers, **{**good, **bad})
    for bad in (
        {"context": CONTEXT},
        {"question": None, "context": CONTEXT},
        [good, {"question": QUESTION, "context": ""}],
        [QUESTION],
        5,
    ):
        assert_both_raise(answerers, bad)
    for pipe in answerers:
        assert pipe([]) == []


@on_one_backend
def test_entities_that_cannot_be(token_classifiers):
    for bad in ([], (), None):
        assert_both_raise(token_classifiers, bad)
    assert_both_raise(token_classifiers, [["a", "b"]])
    assert_both_raise(token_classifiers, [], is_split_into_words=True)
    check(*token_classifiers, "")


@needs_transformers_4("`grouped_entities`")
@on_one_backend
@pytest.mark.parametrize(
    "options",
    [
        {"grouped_entities": True},
        {"grouped_entities": False},
        {"grouped_entities": True, "ignore_subwords": True},
        {"ignore_subwords": True},
    ],
)
def test_older_ways_to_group_entities(token_classifiers, options):
    found = []
    for pipe in token_classifiers:
        with pytest.warns(UserWarning, match="deprecated") as record:
            found.append(pipe(TEXTS, **options))
        words = [str(warning.message) for warning in record]
        for option in options:
            assert sum(f"`{option}` is" in word for word in words) == 1
    assert_same(*found)
    check(*token_classifiers, TEXTS, aggregation_strategy="SIMPLE")
    ours, _ = token_classifiers
    with pytest.warns(UserWarning, match="deprecated"):
        keras_squeeze.pipeline(
            "ner", ours.model, tokenizer=ours.tokenizer, **options
        )


@on_one_backend
def test_arguments_of_text_classification(classifiers):
    for pipe in classifiers if IS_TRANSFORMERS_4 else classifiers[:1]:
        with pytest.warns(UserWarning, match="return_all_scores"):
            pipe(TEXTS, return_all_scores=True)
    check(*classifiers, TEXTS, function_to_apply="SIGMOID")
    zero_shot = both(
        "zero-shot-classification", classifiers[1].model.name_or_path
    )
    assert_both_raise(zero_shot, "", ["dog"])
    assert_both_raise(zero_shot, [TEXTS[0], ""], ["dog"])


@on_one_backend
def test_truncation_passed_twice(tmp_path):
    folder = checkpoint("feature-extraction", tmp_path)
    pipes = both("feature-extraction", folder)
    options = {"truncation": True, "tokenize_kwargs": {"truncation": True}}
    assert_both_raise(pipes, TEXTS, **options)
    check(*pipes, TEXTS, truncation=True)


# === What a pipeline is made of ===


@on_one_backend
def test_task_of_keras_hub():
    task = models.SqueezeBertTextClassifier.from_preset(
        PRESET, class_names=["ham", "spam"]
    )
    pipe = keras_squeeze.pipeline("text-classification", model=task)
    cls = keras_squeeze.SqueezeBertForSequenceClassification
    assert type(pipe.model) is cls
    assert pipe.model.task is task
    assert_same(pipe(TEXTS), task.annotate(TEXTS))
    # The weights are the same.
    task.output_dense.kernel.assign(-task.output_dense.kernel.value)
    assert_same(pipe(TEXTS, top_k=None), task.annotate(TEXTS, top_k=2))
    tokenizer = keras_squeeze.AutoTokenizer.from_pretrained(PRESET)
    for text in TEXTS:
        assert pipe.tokenizer(text)["input_ids"] == tokenizer(text)["input_ids"]
    other = keras_squeeze.pipeline(
        "feature-extraction", model=task, tokenizer=tokenizer
    )
    assert type(other.model) is keras_squeeze.SqueezeBertModel
    assert other.model.backbone is task.backbone


@on_one_backend
def test_question_answering_of_a_task_leaves_it_alone():
    task = models.SqueezeBertQuestionAnswering.from_preset(PRESET)
    preprocessor = task.preprocessor
    pipe = keras_squeeze.pipeline("question-answering", model=task)
    sample = {"question": QUESTION, "context": CONTEXT}
    found = pipe(**sample, max_seq_len=32, max_answer_len=3)
    expected = task.annotate(sample, max_answer_length=3)
    assert found["answer"] == expected["answer"]
    assert found["score"] == pytest.approx(expected["score"], rel=1e-4)
    assert task.preprocessor is preprocessor
    assert preprocessor.sequence_length != 32


@on_one_backend
def test_model_of_this_package(classifiers, tmp_path):
    model = classifiers[0].model
    with pytest.raises(ValueError, match="`tokenizer` must be passed"):
        keras_squeeze.pipeline("text-classification", model=model)
    folder = model.config.name_or_path
    pipe = keras_squeeze.pipeline(
        "text-classification",
        model=model,
        tokenizer=folder,
        use_fast=False,
        device=-1,
        framework="tf",
    )
    assert type(pipe.tokenizer) is keras_squeeze.MobileBertTokenizer
    assert pipe.model is model
    check(pipe, classifiers[1], TEXTS)
    features = keras_squeeze.pipeline(
        "feature-extraction", model=model, tokenizer=folder
    )
    assert features.model.backbone is model.backbone
    loaded = keras_squeeze.pipeline(
        "text-classification",
        model=folder,
        dtype="bfloat16",
        model_kwargs={"id2label": {0: "a", 1: "b", 2: "c"}},
    )
    assert loaded.model.compute_dtype == "bfloat16"
    (answer,) = loaded(TEXTS[0])
    assert answer["label"] in ("a", "b", "c")


@on_one_backend
def test_errors(classifiers):
    ours, _ = classifiers
    with pytest.raises(ValueError, match="`task` must be one of.*'ner'"):
        keras_squeeze.pipeline("summarization", model=PRESET)
    with pytest.raises(ValueError, match="`model` must be a name"):
        keras_squeeze.pipeline("ner", model=None)
    with pytest.raises(ValueError, match="`model` must be a name"):
        keras_squeeze.pipeline("ner", model=keras.Sequential())
    with pytest.raises(ValueError, match="ForTokenClassification`. Received"):
        keras_squeeze.pipeline(
            "ner", model=ours.model, tokenizer=ours.tokenizer
        )
    with pytest.raises(ValueError, match="`task` must be a"):
        keras_squeeze.pipeline(
            "ner",
            model=models.MobileBertTextClassifier(
                ours.model.backbone, num_classes=2
            ),
        )
    with pytest.raises(TypeError, match=r"\['stride'\]"):
        keras_squeeze.pipeline("fill-mask", model=PRESET, stride=3)
    with pytest.raises(ValueError, match="`function_to_apply` must be one"):
        ours(TEXTS, function_to_apply="tanh")
    with pytest.raises(ValueError, match="A text must be a string"):
        ours([["a", "b"]])
    with pytest.raises(ValueError, match="`top_k` must be"):
        ours(TEXTS, top_k=0)
    with pytest.raises(ValueError, match="`batch_size` must be"):
        ours(TEXTS, batch_size=0)


@on_one_backend
def test_any_iterable_of_texts(classifiers):
    ours, _ = classifiers
    expected = ours(TEXTS)
    assert ours(iter(TEXTS)) == ours(np.array(TEXTS)) == expected
    assert ours([]) == []


@on_one_backend
def test_long_texts_are_cut(classifiers, tmp_path):
    """transformers raises an index error."""
    ours, _ = classifiers
    length = ours.model.config.max_position_embeddings
    (answer,) = ours("a " * (length + 10))
    assert answer == pytest.approx(ours("a " * (length - 2))[0])


@on_one_backend
def test_face(mask_fillers):
    """A new model has no folder that could contain a tokenizer."""
    ours, _ = mask_fillers
    model = face(SqueezeBert, "ForMaskedLM")(ours.model.config)
    pipe = keras_squeeze.pipeline(
        "fill-mask", model=model, tokenizer=ours.tokenizer, top_k=2
    )
    assert len(pipe("a [MASK] b")) == 2
