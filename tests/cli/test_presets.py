from keras_squeeze import cli
from keras_squeeze import models


def test_every_preset_is_listed(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    assert cli.main(["presets"]) == 0
    lines = capsys.readouterr().out.splitlines()
    for cls in (models.MobileBertBackbone, models.SqueezeBertBackbone):
        for name in cls.presets:
            (line,) = [line for line in lines if f" {name} " in line]
            assert ("fetched at first use" in line) == ("tiny" not in line)
            assert ("0.0 MB" in line) is False
    assert any("51.1 M" in line for line in lines)
