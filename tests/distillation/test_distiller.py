"""Tests training a student in stages, and resuming it."""

import keras
import numpy as np
import pytest
from scipy.special import logsumexp

from keras_squeeze.distillation import AttentionTransfer
from keras_squeeze.distillation import BackboneTeacher
from keras_squeeze.distillation import DistillationBatches
from keras_squeeze.distillation import Distiller
from keras_squeeze.distillation import FeatureMapTransfer
from keras_squeeze.distillation import PairTransfer
from keras_squeeze.distillation import PooledTransfer
from keras_squeeze.distillation import SimilarityTransfer
from keras_squeeze.distillation import Stage
from keras_squeeze.distillation import TeacherCache
from keras_squeeze.distillation import WordMasking
from keras_squeeze.distillation import distill
from keras_squeeze.distillation import layer_transfers
from keras_squeeze.distillation import losses
from keras_squeeze.distillation import masked_lm_transfer
from keras_squeeze.distillation import schedule
from keras_squeeze.models import MobileBertMaskedLM
from tests.distillation.students import as_inputs
from tests.distillation.students import small_student
from tests.distillation.students import some_sequences


class Words:
    """The parts of a tokenizer that `WordMasking` needs."""

    mask_token_id = 3

    def vocabulary_size(self):
        return 60


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    keras.utils.set_random_seed(1)
    teacher = BackboneTeacher(
        small_student(hidden_dim=12, num_layers=3),
        hidden_layers=[1, 3],
        attention_layers=[1, 3],
    )
    folder = tmp_path_factory.mktemp("cache")
    return TeacherCache.write(
        folder, teacher, some_sequences(), batch_tokens=20, part_size=15
    )


def new_distiller(student=None):
    student = student or small_student()
    return Distiller(
        student,
        [
            *layer_transfers({1: 1, 2: 3}, teacher_dim=12, attention=True),
            PooledTransfer(dim=12),
            SimilarityTransfer(weight=0.5),
            masked_lm_transfer(student),
        ],
    )


ON_JAX = keras.config.backend() == "jax"
# Compiling each length with XLA would take longer than the steps.
JIT = {"jit_compile": False}


def new_batches(cache, steps, **kwargs):
    return DistillationBatches(
        cache, steps, batch_tokens=24, masking=WordMasking(Words()), **kwargs
    )


def test_cache_gives_what_the_teacher_gave(cache, tmp_path, monkeypatch):
    keras.utils.set_random_seed(1)
    teacher = BackboneTeacher(
        small_student(hidden_dim=12, num_layers=3),
        hidden_layers=[1, 3],
        attention_layers=[1, 3],
    )
    sequences = some_sequences()
    assert len(cache) == len(sequences)
    for i in (0, 16, 39):
        expected = teacher.outputs(as_inputs([sequences[i]]))
        found = cache.read([i])
        np.testing.assert_array_equal(found.pop("token_ids"), [sequences[i]])
        assert set(found) == set(expected)
        for name, values in expected.items():
            np.testing.assert_allclose(found[name], values, atol=3e-3)
    # Existing outputs are not computed again.
    monkeypatch.setattr(teacher, "outputs", None)
    again = TeacherCache.write(
        cache.folder, teacher, sequences, batch_tokens=20, part_size=15
    )
    assert len(again) == len(sequences)
    with pytest.raises(ValueError, match="other sequences"):
        TeacherCache.write(cache.folder, teacher, sequences[:5])
    with pytest.raises(FileNotFoundError, match="no outputs of a teacher"):
        TeacherCache(tmp_path)


def test_cache_continues_with_the_next_part(cache, tmp_path):
    keras.utils.set_random_seed(1)
    teacher = BackboneTeacher(small_student())
    read, outputs = [], teacher.outputs

    def stop_at_the_third(inputs):
        if len(read) == 3:
            raise KeyboardInterrupt
        read.append(inputs)
        return outputs(inputs)

    teacher.outputs = stop_at_the_third
    sequences = [[1, 5, 2]] * 8
    settings = {"batch_tokens": 6, "part_size": 4}
    with pytest.raises(KeyboardInterrupt):
        TeacherCache.write(tmp_path, teacher, sequences, **settings)
    with pytest.raises(FileNotFoundError):
        TeacherCache(tmp_path)
    read.clear()
    TeacherCache.write(tmp_path, teacher, sequences, **settings)
    assert len(read) == 2  # of four batches


def test_batches_depend_only_on_their_number(cache):
    batches = new_batches(cache, 6)
    assert len(batches) == 6
    for number in (2, 5):
        x, y = batches[number]
        other_x, other_y = batches.part(2, 4)[number - 2]
        keras.tree.map_structure(
            np.testing.assert_array_equal, (x, y), (other_x, other_y)
        )
        # The masked words are those of the text.
        length = x["token_ids"].shape[1]
        assert y["hidden_3"].shape[1] == length
        restored = x["token_ids"].copy()
        np.put_along_axis(restored, x["mask_positions"], y["masked_words"], 1)
        texts = [s for s in some_sequences() if len(s) == length]
        assert all(row in texts for row in restored.tolist())


def test_batches_of_few_lengths(cache):
    sequences = some_sequences()
    pairs = np.array([[0, 17], [2, 31], [16, 5], [39, 4], [8, 9], [1, 30]])
    padded = new_batches(
        cache, 12, pairs=pairs, length_multiple=8, seed=3, workers=2
    ).part(2, 10)
    assert padded.workers == 2
    shapes = set()
    for x, y in (padded[i] for i in range(10)):
        shapes |= {x["token_ids"].shape[1], x["pair_token_ids"].shape[1]}
        lengths = x["padding_mask"].sum(axis=1)
        restored = x["token_ids"].copy()
        gaps = y["masked_words"] >= 0
        for row, places, words in zip(
            restored, x["mask_positions"], y["masked_words"], strict=True
        ):
            row[places[words >= 0]] = words[words >= 0]
        # As many masks as for a batch of this length, and none in padding.
        expected = np.maximum(1, np.round(0.15 * lengths))
        np.testing.assert_array_equal(gaps.sum(axis=1), expected)
        assert (x["mask_positions"] < lengths[:, None] - 1)[gaps].all()
        for i, length in enumerate(lengths):
            number = sequences.index(restored[i, :length].tolist())
            assert not restored[i, length:].any()
            for name, expected in cache.read([number]).items():
                if name == "token_ids":
                    continue
                # Everything after the text is zero.
                widths = [
                    (0, n - m)
                    for n, m in zip(
                        y[name][i].shape, expected[0].shape, strict=True
                    )
                ]
                np.testing.assert_array_equal(
                    y[name][i], np.pad(expected[0], widths)
                )
        for row, segments, mask in zip(
            x["pair_token_ids"],
            x["pair_segment_ids"],
            x["pair_padding_mask"],
            strict=True,
        ):
            first = row[(segments == 0) & (mask == 1)].tolist()
            second = [1, *row[segments == 1].tolist()]
            pair = [sequences.index(first), sequences.index(second)]
            assert pair in pairs.tolist()
            assert not row[mask == 0].any() and not segments[mask == 0].any()
    assert shapes == {8, 16}


def test_loss_does_not_depend_on_padding(cache):
    student = small_student(max_sequence_length=16)
    # MobileBERT reads the neighbours of each token; the last one's is padding.
    table = student.token_embedding.embeddings
    table.assign(table * (np.arange(60) > 0)[:, None].astype("float32"))
    distiller = new_distiller(student)
    distiller.compile("adam", **JIT)
    x, y = new_batches(cache, 1)[0]
    length = x["token_ids"].shape[1]

    def pad(value):
        axes = [(0, 4 if n == length else 0) for n in value.shape[1:]]
        return np.pad(value, [(0, 0), *axes])

    # Add a position without a word.
    words = np.pad(y["masked_words"], [(0, 0), (0, 1)], constant_values=-1)
    positions = np.pad(x["mask_positions"], [(0, 0), (0, 1)])
    padded = {name: pad(value) for name, value in x.items()}
    targets = {name: pad(value) for name, value in y.items()}
    padded["mask_positions"] = positions
    targets["masked_words"] = words
    expected = distiller.test_on_batch(x, y, return_dict=True)
    distiller.reset_metrics()
    found = distiller.test_on_batch(padded, targets, return_dict=True)
    assert found == pytest.approx(expected, rel=2e-4)


def test_pairs(cache):
    pairs = np.array([[0, 1], [2, 3], [3, 2], [4, 5]])
    student = small_student(max_sequence_length=16)
    term = PairTransfer(weight=2.0)
    distiller = Distiller(student, [SimilarityTransfer(), term])
    distiller.compile("adam", **JIT)
    sequences = some_sequences()
    batches = DistillationBatches(cache, 8, pairs=pairs)
    for x, y in (batches[i] for i in range(8)):
        for row, segments, similarity, total in zip(
            x["pair_token_ids"],
            x["pair_segment_ids"],
            y["pair_similarity"],
            y["pair_sum"],
            strict=True,
        ):
            second = [1, *row[segments == 1].tolist()]
            indices = [
                sequences.index(row[segments == 0].tolist()),
                sequences.index(second),
            ]
            assert indices in pairs.tolist()
            u, v = cache.read(indices)["sentence"].astype("float32")
            u, v = u / np.linalg.norm(u), v / np.linalg.norm(v)
            np.testing.assert_allclose(similarity, [u @ v], atol=1e-5)
            np.testing.assert_allclose(total, u + v, atol=1e-5)
    logs = distiller.test_on_batch(x, y, return_dict=True)
    names = ("token_ids", "segment_ids", "padding_mask")
    pooled = student({name: x[f"pair_{name}"] for name in names})
    output = keras.ops.convert_to_numpy(
        term.projection(pooled["pooled_output"])
    )
    expected = np.mean((output - y["pair_similarity"]) ** 2)
    assert logs["pooled_pair_similarity"] == pytest.approx(expected, rel=1e-4)
    total = logs["similarity"] + 2.0 * expected
    assert logs["loss"] == pytest.approx(total, rel=1e-4)


def test_texts_that_are_read_alone(cache):
    sequences = some_sequences()
    singles = np.array([3, 7, 8])
    batches = DistillationBatches(
        cache, 6, singles=singles, pairs=np.array([[0, 1], [2, 4]])
    ).part(1, 5)
    for i in range(5):
        x, y = batches[i]
        for row, vector in zip(x["token_ids"], y["sentence"], strict=True):
            number = sequences.index(row.tolist())
            assert number in singles
            np.testing.assert_array_equal(
                vector, cache.read([number])["sentence"][0]
            )


def test_loss_is_the_sum_of_the_terms(cache):
    student = small_student()
    terms = [
        FeatureMapTransfer(1, 3, teacher_dim=12, normalize=True, weight=2.0),
        AttentionTransfer(2, 1, weight=3.0),
        SimilarityTransfer(weight=0.5),
    ]
    distiller = Distiller(student, terms)
    distiller.compile("adam", **JIT)
    x, y = DistillationBatches(cache, 1)[0]
    logs = distiller.test_on_batch(x, y, return_dict=True)
    encoded = student.encode(**x, return_attention=True)
    y = {name: values.astype("float32") for name, values in y.items()}
    states = y["hidden_3"]
    centered = states - states.mean(-1, keepdims=True)
    states = centered / np.sqrt(centered.var(-1, keepdims=True) + 1e-6)
    mask = x["padding_mask"]
    expected = {
        "features_1": losses.feature_map_loss(
            states, terms[0].projection(encoded["hidden_states"][1]), mask
        ),
        "attention_2": losses.attention_loss(
            y["attention_1"], encoded["attention_scores"][1], mask
        ),
        "similarity": losses.similarity_loss(
            y["sentence"], keras.ops.mean(encoded["sequence_output"], axis=1)
        ),
    }
    expected = {name: float(loss) for name, loss in expected.items()}
    weights = {"features_1": 2.0, "attention_2": 3.0, "similarity": 0.5}
    for name, loss in expected.items():
        assert logs[name] == pytest.approx(loss, rel=1e-4)
    total = sum(weights[name] * loss for name, loss in expected.items())
    assert logs["loss"] == pytest.approx(total, rel=1e-4)


def test_teacher_guesses_words(cache):
    teacher = MobileBertMaskedLM(small_student(num_layers=1))
    student = small_student()
    term = masked_lm_transfer(student, label_weight=0.25)
    distiller = Distiller(student, [term])
    distiller.compile("adam", **JIT)
    masking = WordMasking(Words(), teacher=teacher)
    batches = DistillationBatches(cache, 2, batch_tokens=24, masking=masking)
    x, y = batches[0]
    logits = teacher.predict_on_batch({k: x[k] for k in teacher.input})
    words = y["masked_words"]["words"]
    own = keras.ops.convert_to_numpy(distiller(x)["masked_lm"])
    likelihoods = own - logsumexp(own, axis=-1, keepdims=True)
    hard = -np.take_along_axis(likelihoods, words[..., None], -1).mean()
    theirs = logits - logsumexp(logits, axis=-1, keepdims=True)
    soft = (np.exp(theirs) * (theirs - likelihoods)).sum(-1).mean()
    logs = distiller.test_on_batch(x, y, return_dict=True)
    expected = 0.25 * hard + 0.75 * soft
    assert logs["loss"] == pytest.approx(expected, rel=1e-4)
    # The same batches as a dataset.
    losses = distiller.evaluate(batches, verbose=0, return_dict=True)
    assert np.isfinite(losses["masked_lm"])


def test_the_head_for_words_may_be_narrow(cache):
    student = small_student()
    assert masked_lm_transfer(student).head.hidden_dim == student.hidden_dim
    width = student.token_embedding.output_dim
    assert width < student.hidden_dim
    term = masked_lm_transfer(student, hidden_dim=width)
    distiller = Distiller(student, [term])
    distiller.compile("adam", **JIT)
    batches = DistillationBatches(
        cache, 2, batch_tokens=24, masking=WordMasking(Words())
    )
    head = term.head
    assert head.dense.kernel.shape == (student.hidden_dim, width)
    before = keras.ops.convert_to_numpy(head.dense.kernel).copy()
    distiller.fit(batches, verbose=0)
    assert not np.allclose(before, head.dense.kernel)


def test_stages():
    terms = [
        *layer_transfers({2: 3, 4: 6}, attention=True),
        PooledTransfer(dim=12),
    ]
    layers = ["features_2", "attention_2", "features_4", "attention_4"]
    assert schedule("auxiliary", terms, 10) == [
        Stage("all", (*layers, "pooled_sentence"), 10)
    ]
    first, last = schedule("joint", terms, 10, final_steps=3)
    assert sorted(first.transfers) == sorted(layers) and first.steps == 10
    assert last == Stage("final", ("pooled_sentence",), 3)
    assert schedule("progressive", terms, 5) == [
        Stage("layer 2", ("features_2", "attention_2"), 3, (0, 1, 2)),
        Stage("layer 4", ("features_4", "attention_4"), 2, (3, 4)),
        Stage("final", ("pooled_sentence",), 5),
    ]
    with pytest.raises(ValueError, match="`strategy` must be"):
        schedule("all", terms, 5)
    with pytest.raises(ValueError, match="must have terms for layers"):
        schedule("joint", terms[-1:], 5)


def run(cache, folder, stop_at=None):
    """Train through three stages, or be interrupted in the last one."""
    keras.utils.set_random_seed(2)
    distiller = new_distiller(small_student(dropout=0.2, attention_dropout=0.2))
    stages = schedule("progressive", distiller.transfers, 4, final_steps=4)
    # JAX takes minutes without XLA, and compiles for each length.
    batches = new_batches(cache, 8, length_multiple=8 if ON_JAX else 1)
    if stop_at is not None:
        get, original = [], DistillationBatches.__getitem__

        def interrupted(self, index):
            get.append(index)
            if self.first + index >= stop_at:
                raise RuntimeError("stopped")
            return original(self, index)

        DistillationBatches.__getitem__ = interrupted
    try:
        curve = distill(
            distiller,
            batches,
            stages,
            folder,
            optimizer=lambda steps: keras.optimizers.Adam(
                keras.optimizers.schedules.CosineDecay(1e-2, steps)
            ),
            save_every=2,
            log_every=2,
            verbose=False,
            # TensorFlow would trace each length again in each stage.
            run_eagerly=keras.config.backend() == "tensorflow",
            jit_compile=ON_JAX,
        )
    finally:
        if stop_at is not None:
            DistillationBatches.__getitem__ = original
    return distiller, curve


def test_distillation_resumes_where_it_stopped(cache, tmp_path):
    distiller, curve = run(cache, tmp_path / "whole")
    assert [(row["stage"], row["step"]) for row in curve] == [
        ("layer 1", 2),
        ("layer 2", 2),
        *(("final", step) for step in (2, 4)),
    ]
    assert set(curve[0]) == {
        "stage", "step", "loss", "features_1", "attention_1"
    }  # fmt: skip
    with pytest.raises(Exception, match="stopped"):
        run(cache, tmp_path / "parts", stop_at=7)
    resumed, same_curve = run(cache, tmp_path / "parts")
    assert same_curve == curve
    for weights, same in zip(
        distiller.get_weights(), resumed.get_weights(), strict=True
    ):
        np.testing.assert_array_equal(same, weights)
    # It can be fine-tuned, even if parts were frozen.
    student = distiller.student
    assert len(student.trainable_weights) == len(student.weights)
    # There is nothing left to do, and the result is available.
    finished, _ = run(cache, tmp_path / "parts", stop_at=0)
    np.testing.assert_allclose(
        finished.get_weights()[0], distiller.get_weights()[0], atol=1e-5
    )
    other = [Stage("all", ("similarity",), 3)]
    with pytest.raises(ValueError, match="with different stages"):
        distill(
            new_distiller(),
            new_batches(cache, 3),
            other,
            tmp_path / "parts",
            optimizer=keras.optimizers.Adam,
        )


def test_only_the_layers_of_a_stage_learn(cache):
    distiller = new_distiller()
    before = [w.copy() for w in distiller.student.get_weights()]
    names = [w.path for w in distiller.student.weights]
    distiller.begin(Stage("layer 2", ("features_2", "attention_2"), 1, (2,)))
    distiller.compile(keras.optimizers.SGD(0.1), **JIT)
    distiller.fit(new_batches(cache, 1), verbose=0)
    changed = {
        name
        for name, old, new in zip(
            names, before, distiller.student.get_weights(), strict=True
        )
        if not np.array_equal(old, new)
    }
    assert changed
    assert all("transformer_layer_1/" in name for name in changed)


def test_refusals(cache, tmp_path):
    student = small_student()
    with pytest.raises(ValueError, match="must not be empty"):
        Distiller(student, [])
    with pytest.raises(ValueError, match="different names"):
        Distiller(student, [SimilarityTransfer(), SimilarityTransfer()])
    with pytest.raises(ValueError, match="`student_layer` must be from 1 to 2"):
        Distiller(student, [AttentionTransfer(0, 1)])
    distiller = Distiller(student, [SimilarityTransfer()])
    with pytest.raises(ValueError, match="not among the transfers"):
        distiller.begin(Stage("all", ("features_1",), 1))
    with pytest.raises(ValueError, match="`batches` must have the 3 batches"):
        distill(
            distiller,
            DistillationBatches(cache, 2),
            [Stage("all", ("similarity",), 3)],
            tmp_path,
            optimizer=keras.optimizers.Adam,
        )
