"""`fastface lab train` as a user types it."""

from __future__ import annotations

import json

import pytest

from fastface.cli import main
from fastface.cli.lab import shared


def test_without_pytorch_the_command_that_brings_it_is_named(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(shared.importlib.util, "find_spec", lambda _: None)
    arguments = ["lab", "train", "--data", str(tmp_path), "--out", str(tmp_path / "run")]
    assert main(arguments) == 1
    assert "pip install 'fastface-people[lab]'" in capsys.readouterr().err


def test_train_and_resume(crops_folder, tmp_path, capsys):
    torch = pytest.importorskip("torch", reason="needs the extra lab")
    threads = torch.get_num_threads()
    arguments = ["lab", "train", "--preset", "tiny", "--data", str(crops_folder), "--json"]
    arguments += ["--out", str(tmp_path / "run"), "--cache", str(tmp_path / "cache")]
    arguments += ["--threads", str(threads)]
    assert main([*arguments, "--steps", "2"]) == 0
    assert json.loads(capsys.readouterr().out)["step"] == 2
    log = tmp_path / "results.jsonl"
    assert main([*arguments, "--steps", "3", "--resume", "--log", str(log)]) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["step"] == result["steps"] == 3
    assert result["loss"] > 0
    logged = json.loads(log.read_text())
    assert (logged["name"], logged["step"], logged["crops"]) == ("run", 3, 56)
    assert (tmp_path / "run" / "checkpoint.pt").is_file()


def test_designs_are_chosen_on_the_command_line():
    pytest.importorskip("torch", reason="needs the extra lab")
    from fastface.cli import build_parser
    from fastface.cli.lab.train import chosen_recipe
    from fastface.lab.train import RECIPES

    line = "lab train --data d --out o --preset study --attention cbam --width 0.5 --masks 0.1"
    recipe = chosen_recipe(build_parser().parse_args(line.split()))
    assert (recipe.design.attention, recipe.design.width) == ("cbam", 0.5)
    assert recipe.design.depth == RECIPES["study"].design.depth
    assert recipe.curriculum.masks == 0.1
    assert recipe.steps == RECIPES["study"].steps
