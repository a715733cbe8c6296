import pytest

from keras_squeeze import cli
from keras_squeeze.benchmarks import comparison
from tests.backends import only_on

MODEL = "squeeze_bert_tiny_en_uncased"
pytestmark = only_on(
    "tensorflow",
    reason="each backend runs in its own process, whatever the backend here",
)


def test_training():
    rows = comparison.run_training(
        models=[MODEL],
        backends=["tensorflow"],
        batch_size=2,
        sequence_length=8,
        repeats=2,
        jit_compile=False,
    )
    theirs, ours = rows
    assert theirs["name"] == "transformers"
    assert (ours["name"], ours["model"]) == ("tensorflow", MODEL)
    for step in ("train", "forward"):
        assert theirs[f"{step}_ratio"] == 1
        ratio = ours[f"{step}_ms"] / theirs[f"{step}_ms"]
        assert ours[f"{step}_ratio"] == pytest.approx(ratio)
    for row in rows:
        assert row["first_s"] > row["train_ms"] / 1000 > 0
        assert 0.1 < row["memory_gb"] < 8


def test_prediction(capsys, tmp_path):
    path = tmp_path / "texts.txt"
    path.write_text("See you at nine.\nYou have won!\n")
    command = ["benchmark", "prediction", "--model", MODEL, "--num-texts", "5"]
    command += ["--backend", "tensorflow", "--repeats", "1"]
    assert cli.main([*command, "--sentences", str(path)]) == 0
    output = capsys.readouterr().out
    assert "texts per second" in output
    assert "transformers" in output and "tensorflow" in output


def test_unknown_names():
    with pytest.raises(ValueError, match=r"`models`.*Received: \['bert'\]"):
        comparison.run_training(models=["bert"])
    with pytest.raises(ValueError, match=r"`backends`.*Received: \['numpy'\]"):
        comparison.run_prediction(backends=["numpy"], texts=["a"])
    with pytest.raises(ValueError, match="`texts` must have texts"):
        comparison.run_prediction()


def test_a_process_that_fails_is_an_error(tmp_path):
    # Linux has a limit for arguments.
    settings = {"threads": 1, "texts": ["a" * 1000] * 1000}
    side = comparison.Side("transformers", str(tmp_path / "absent"), settings)
    with pytest.raises(RuntimeError, match="of transformers failed: .*absent"):
        side.run("forward")
    side.close()


def test_what_does_not_agree_is_not_compared():
    answers = {
        "transformers": {"value": [[0.0, 1.0]]},
        "jax": {"value": [[0.0, 1.1]]},
    }
    with pytest.raises(RuntimeError, match="transformers and jax.*0.1"):
        comparison.check_that_all_agree(answers)
