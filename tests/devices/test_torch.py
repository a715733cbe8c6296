"""Tests the training loop of a guide, in two processes."""

import numpy as np

from keras_squeeze.models import MobileBertTextClassifier
from tests.backends import only_on
from tests.processes import REPOSITORY
from tests.processes import run_python


@only_on("torch", reason="the loop of the guide is for PyTorch")
def test_two_processes_train_like_one(tmp_path):
    guide = (REPOSITORY / "guides/beyond_one_machine.py").read_text()
    _, _, section = guide.partition("## Several GPUs on PyTorch")
    program = section.partition("```python\n")[2].partition("```")[0]
    # Dropout differs between processes, and Adam amplifies rounding errors.
    exact = program
    for random, not_random in (
        ("training=True", "training=False"),
        ("AdamW(model.parameters(), lr=1e-3)", "SGD(model.parameters(), 0.1)"),
    ):
        assert random in exact
        exact = exact.replace(random, not_random)
    (tmp_path / "train.py").write_text(exact)
    weights = []
    for count in (1, 2):
        folder = tmp_path / str(count)
        folder.mkdir()
        run_python(
            "-m",
            "torch.distributed.run",
            "--standalone",
            "--nproc-per-node",
            count,
            tmp_path / "train.py",
            folder=folder,
            PYTHONPATH=str(REPOSITORY),
            OMP_NUM_THREADS="1",
        )
        task = MobileBertTextClassifier.from_preset(
            str(folder / "spam_classifier")
        )
        weights.append(task.get_weights())
    start = MobileBertTextClassifier.from_preset(
        "mobile_bert_tiny_en_uncased", num_classes=2
    ).get_weights()
    moved = 0
    for one, two, before in zip(*weights, start, strict=True):
        np.testing.assert_allclose(one, two, rtol=0, atol=1e-5)
        moved += np.abs(one - before).max() > 1e-3
    assert moved > len(start) / 2
