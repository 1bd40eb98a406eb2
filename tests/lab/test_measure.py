"""What networks cost: read off the file, measured here, and written to a log that can be traced."""

from __future__ import annotations

import json

import pytest

torch = pytest.importorskip("torch", reason="needs the extra lab")

from fastface.cli import main  # noqa: E402
from fastface.energy import Energy, Meter  # noqa: E402
from fastface.errors import FastfaceError, ModelError  # noqa: E402
from fastface.lab import results  # noqa: E402
from fastface.lab.costs import read_costs  # noqa: E402
from fastface.lab.counting import totals  # noqa: E402
from fastface.lab.export import to_onnx  # noqa: E402
from fastface.lab.measure import measure  # noqa: E402
from fastface.lab.network import INPUT_SIZE, Design, FaceNet, Row  # noqa: E402
from fastface.lab.subjects import Subject, find_subject  # noqa: E402

DESIGN = Design(width=0.125, depth=0.1, attention="cbam", activation="leaky", embedding=16)


@pytest.fixture(scope="module")
def network_file(tmp_path_factory):
    path = tmp_path_factory.mktemp("models") / "small.onnx"
    path.write_bytes(to_onnx(FaceNet(DESIGN)))
    return path


def test_the_file_costs_what_the_network_does(network_file):
    costs = read_costs(network_file)
    assert costs.macs == totals(FaceNet(DESIGN), INPUT_SIZE)[1]
    assert costs.weight_bytes == pytest.approx(4 * costs.parameters, rel=0.01)


def test_maps_that_are_alive_at_once_are_counted_by_hand(tmp_path):
    rows = (Row("conv3x3", 1, 8, 1, 2), Row("linear_gdconv7x7", 1, 8, 1, 1))
    network = FaceNet(Design(rows, activation="leaky", embedding=8))
    path = tmp_path / "two.onnx"
    path.write_bytes(to_onnx(network, size=14))
    # At the first convolution its input, 3 x 14 x 14, and its output, 8 x 7 x 7, are alive; while
    # the pixels are scaled two maps of the input's size are.
    assert read_costs(path).map_bytes == 4 * 2 * 3 * 14 * 14


def test_models_are_measured_in_turns(network_file):
    progress = []
    again = Subject("again", network_file)
    measured = measure(
        [Subject("small", network_file), again],
        runs=4,
        progress=lambda done, n: progress.append((done, n)),
    )
    assert [m.name for m in measured] == ["small", "again"]
    assert progress[-1] == (4, 4)
    for m in measured:
        assert m.provider == "cpu"
        assert 0 < m.latency.wall_ms <= m.latency.wall_p95_ms
        assert m.faces_per_s > 0
        assert m.energy.joules > 0
        assert m.resident_bytes < 200e6
        assert m.file_bytes == network_file.stat().st_size


def test_energy_comes_from_the_meter_where_there_is_one(tmp_path):
    (tmp_path / "energy_uj").write_text("5000000")
    (tmp_path / "max_energy_range_uj").write_text("9000000")
    meter = Meter(rapl=tmp_path)
    (tmp_path / "energy_uj").write_text("6500000")
    assert meter.joules() == (1.5, "measured")
    (tmp_path / "energy_uj").write_text("1000000")  # the counter went round
    assert meter.joules() == (5.0, "measured")


def test_energy_is_estimated_and_says_so_elsewhere(tmp_path):
    joules, source = Meter(2.0, rapl=tmp_path / "absent").joules()
    assert source == "estimated"
    assert 0 <= joules < 1
    assert Energy(3.6e6, "estimated").co2_micrograms(1000) == pytest.approx(1e9)  # 1 kWh, 1 kg


def test_the_command_measures_and_logs(network_file, tmp_path, capsys):
    log = tmp_path / "results.jsonl"
    arguments = ["lab", "measure", str(network_file), "--runs", "2", "--cache", str(tmp_path)]
    for _ in range(2):
        assert main([*arguments, "--log", str(log), "--json"]) == 0
        (row,) = json.loads(capsys.readouterr().out)
    assert row["name"] == "small"
    assert row["energy_source"] in ("measured", "estimated")
    assert len(log.read_text().splitlines()) == 2
    (last,) = results.read(log)  # the later of two runs of one setting
    assert last["kind_of_result"] == "measure"
    assert last["machine"]
    assert last["wall_ms"] == row["wall_ms"]


def test_export_writes_a_file_that_can_be_judged(crops_folder, tmp_path, capsys):
    run, cache = tmp_path / "run", tmp_path / "cache"
    train = ["lab", "train", "--preset", "tiny", "--width", "0.125", "--steps", "1", "--quiet"]
    train += ["--data", str(crops_folder), "--out", str(run), "--cache", str(cache)]
    assert main(train) == 0
    capsys.readouterr()
    out = tmp_path / "network.onnx"
    assert main(["lab", "export", str(run), "--out", str(out), "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["bytes"] == out.stat().st_size
    crops = torch.zeros(2, 112, 112, 3, dtype=torch.uint8).numpy()
    from_file = find_subject(str(out), cache).embed(crops)
    assert from_file.shape == (2, 128)
    assert (from_file == find_subject(str(run), cache).embed(crops)).all()


def test_what_is_no_network_is_refused(tmp_path):
    with pytest.raises(ModelError, match="neither"):
        find_subject(str(tmp_path), tmp_path)
    with pytest.raises(ModelError):
        find_subject("no-such-pack", tmp_path)
    (tmp_path / "x.onnx").write_bytes(b"no model")
    with pytest.raises(ModelError, match="not an ONNX model"):
        read_costs(tmp_path / "x.onnx")
    (tmp_path / "log").write_text("{")
    with pytest.raises(FastfaceError, match="not a log"):
        results.read(tmp_path / "log")
