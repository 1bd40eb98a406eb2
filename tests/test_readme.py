"""The README's example with photos, run as it stands on the demonstration's photos."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

README = Path(__file__).parents[1] / "README.md"


@pytest.mark.models
def test_the_example_with_photos(
    demo_photos: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (example,) = re.findall(r"```py\n(.*?)```", README.read_text(), flags=re.DOTALL)
    obama = sorted(demo_photos.glob("obama*.jpg"))
    shutil.copytree(demo_photos, tmp_path / "Pictures")
    for name in ("party.jpg", "a.jpg", "b.jpg", "new.jpg"):
        shutil.copy(obama[0], tmp_path / name)
    monkeypatch.chdir(tmp_path)
    exec(compile(example, str(README), "exec"), {})
    assert "Ada" in capsys.readouterr().out
