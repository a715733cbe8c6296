import pytest

from keras_squeeze import cli
from keras_squeeze.benchmarks import scoring
from tests.backends import only_on

pytestmark = only_on(
    "tensorflow",
    reason="it starts processes of its own, which take long on each backend",
)


def test_scoring_in_a_table(capsys, tmp_path):
    path = tmp_path / "texts.txt"
    path.write_text("See you at nine.\nYou have won!\n")
    argv = ["benchmark", "scoring", "--model", "squeeze_bert_tiny_en_uncased"]
    argv += ["--num-texts", "5", "--workers", "1", "--sentences", str(path)]
    assert cli.main(argv) == 0
    output = capsys.readouterr().out
    assert "rows per second" in output
    assert all(x in output for x in ("transformers", "preset", "tflite"))


def test_unknown_model():
    with pytest.raises(ValueError, match=r"`models`.*Received: \['bert'\]"):
        scoring.run(models=["bert"], texts=["a"])
