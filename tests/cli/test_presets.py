import pytest

from keras_squeeze import cli
from keras_squeeze import models


@pytest.mark.parametrize("width", [60, 80])
def test_every_preset_is_listed(capsys, monkeypatch, width):
    monkeypatch.setenv("COLUMNS", str(width))
    assert cli.main(["presets"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= width
    for cls in (models.MobileBertBackbone, models.SqueezeBertBackbone):
        for name, preset in cls.presets.items():
            start = lines.index(name) + 1
            size, *description = [
                line.removeprefix("  ")
                for line in lines[start : start + 1 + len(lines)]
            ]
            assert ("downloaded on first use" in size) == ("tiny" not in name)
            assert size.endswith(f", {preset['metadata']['license']}")
            assert " 0.0 M" not in size
            assert " ".join(description).startswith(
                preset["metadata"]["description"]
            )
    assert any("51.1 M" in line for line in lines)
