"""Tests the prediction of training on several GPUs."""

import pytest

from keras_squeeze import cli
from keras_squeeze.benchmarks import devices
from tests.backends import only_on

MODEL = "squeeze_bert_tiny_en_uncased"
pytestmark = only_on("jax", reason="it always runs on JAX")


def test_prediction():
    gpu = devices.Gpu(flops=10.0, memory=5.0, link=4.0)
    assert devices.predict(gpu, 20, 5, 0, 1) == 2
    assert devices.predict(gpu, 20, 15, 0, 1) == 3
    # In a ring of four, each sends three quarters, twice.
    assert devices.predict(gpu, 20, 15, 8, 4) == 3 + 3


def test_exchanged_bytes():
    program = """
    %a = f32[2,3]{1,0} all-reduce(f32[2,3]{1,0} %x), channel_id=1
    %b = (f32[4]{0}, bf16[]) all-reduce(f32[4]{0} %y, bf16[] %z)
    %c = s32[5]{0} all-reduce-start(s32[5]{0} %w)
    %d = f32[100]{0} add(f32[100]{0} %v, f32[100]{0} %v)
    """
    assert devices.exchanged_bytes(program) == 24 + 16 + 2 + 20


def test_work_of_each_device(capsys):
    command = ["benchmark", "devices", "--model", MODEL, "--devices", "2"]
    command += ["--batch-size", "2", "--sequence-length", "8"]
    measured = {}
    measure = devices._measure

    def record(*arguments):
        measured[arguments[1]] = measure(*arguments)
        return measured[arguments[1]]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(devices, "_measure", record)
        assert cli.main(command) == 0
    (flops, moved, none, _), (both, moves, exchanged, _) = (
        measured[count] for count in (1, 2)
    )
    # The gradients of all of the 4.9 million weights, in float32.
    assert none == 0
    assert exchanged == pytest.approx(4 * 4.9e6, rel=0.05)
    # Two devices have twice as many sequences, so each has the same work, and
    # adds up the gradients.
    assert both - flops == pytest.approx(exchanged / 4, rel=0.01)
    assert moves > moved
    printed = capsys.readouterr().out
    assert "H100 SXM" in printed and "efficiency" in printed


def test_unknown_model():
    with pytest.raises(ValueError, match=r"`models`.*Received: \['bert'\]"):
        devices.run(models=["bert"])
