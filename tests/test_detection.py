"""Boxes, landmarks and scores, on grids made by hand and on real photos."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from fastface import models as model_packs
from fastface.detection import Detector, suppress
from fastface.inference import OrtSession
from tests.reference import suppression


class FakeYuNet:
    """Reports one face, given in pixels of a photo `photo_width` wide, at every scale it fits.

    It scores highest where the face is `best_px` wide, as the real one does.
    """

    def __init__(self, box, photo_width: int, score: float = 0.9, seen=(10.0, 400.0)) -> None:
        self.box, self.photo_width, self.score, self.seen = np.array(box), photo_width, score, seen
        self.inputs: list[tuple[int, ...]] = []
        self.used_width: list[int] = []

    def run(self, inputs):
        planes = inputs["input"]
        self.inputs.append(planes.shape)
        # The photo is white, the padding black.
        width = int((planes[0, 0, 0] > 0).sum())
        self.used_width.append(width)
        left, top, w, h = self.box * (width / self.photo_width)
        outputs = {}
        for stride in (8, 16, 32):
            rows, columns = planes.shape[2] // stride, planes.shape[3] // stride
            cells = {
                f"{name}_{stride}": np.zeros((1, rows * columns, n), np.float32)
                for name, n in (("cls", 1), ("obj", 1), ("bbox", 4), ("kps", 10))
            }
            if stride == 16 and self.seen[0] <= w <= self.seen[1]:
                x, y = (left + w / 2) / stride, (top + h / 2) / stride
                column, row = int(x), int(y)
                if row >= rows:  # below a band
                    outputs |= cells
                    continue
                cell = row * columns + column
                cells["cls_16"][0, cell] = cells["obj_16"][0, cell] = self.score
                size = np.log([w / stride, h / stride])
                cells["bbox_16"][0, cell] = [x - column, y - row, *size]
                cells["kps_16"][0, cell] = np.tile([x - column, y - row], 5)
            outputs |= cells
        return outputs


def white(height: int, width: int) -> np.ndarray:
    return np.full((height, width, 3), 255, np.uint8)


@pytest.mark.parametrize("shape", [(480, 640), (333, 501), (1, 1), (2000, 1500), (400, 6000)])
def test_a_face_comes_back_where_it_was_put(shape):
    height, width = shape
    box = [width * 0.25, height * 0.25, height * 0.2, height * 0.3]
    network = FakeYuNet(box, width, seen=(0.0, 1e9))
    found = Detector(network, min_size_px=0).detect(white(height, width))
    assert len(found) == 1
    np.testing.assert_allclose(found.boxes[0], box, rtol=0.02, atol=1)
    centre = np.array(box[:2]) + np.array(box[2:]) / 2
    np.testing.assert_allclose(found.landmarks[0], np.tile(centre, (5, 1)), rtol=0.02, atol=1)
    assert found.scores[0] == pytest.approx(0.9)
    assert all(side % 32 == 0 for planes in network.inputs for side in planes[2:])
    assert found.boxes.dtype == found.landmarks.dtype == found.scores.dtype == np.float32


def test_boxes_are_clipped_to_the_photo():
    network = FakeYuNet([-20, -30, 100, 120], 320)
    found = Detector(network).detect(white(320, 320))
    np.testing.assert_allclose(found.boxes[0], [0, 0, 80, 90], atol=0.1)


def test_a_face_in_the_padding_is_dropped():
    assert len(Detector(FakeYuNet([100, 332, 16, 16], 320)).detect(white(330, 320))) == 0


def test_a_face_that_fills_the_photo_is_found_by_the_coarse_look():
    network = FakeYuNet([200, 10, 700, 740], 1024)
    found = Detector(network).detect(white(768, 1024))
    assert network.used_width == [1024, 256]
    np.testing.assert_allclose(found.boxes[0], [200, 10, 700, 740], atol=3)


def test_small_faces_of_a_large_photo_are_looked_at_again():
    network = FakeYuNet([500, 500, 50, 50], 4096)
    Detector(network).detect(white(3072, 4096))
    assert network.used_width == [1024, 256, *[2048] * 6]  # in bands of the plain look's area


class SeesDark(FakeYuNet):
    """Reports what is dark, as far as it is in view; surer the less of it there is."""

    def run(self, inputs):
        rows, columns = np.nonzero(inputs["input"][0, 0] == 1)
        if len(rows):
            scale = self.photo_width / int((inputs["input"][0, 0, 0] > 0).sum())
            left, top = columns.min(), rows.min()
            size = columns.max() + 1 - left, rows.max() + 1 - top
            self.box = np.array([left, top, *size]) * scale
            self.score = 1.0 - 0.1 * min(1.0, self.box[3] / 100)
        found = super().run(inputs)
        return found if len(rows) else {name: 0 * values for name, values in found.items()}


@pytest.mark.parametrize("top", [400, 490, 500, 508, 1520, 2990])
def test_a_face_that_bands_share_is_found_once_and_whole(top):
    photo = white(3072, 4096)
    photo[top : top + 60, 900:950] = 1
    found = Detector(SeesDark([0, 0, 0, 0], 4096, seen=(5.0, 400.0))).detect(photo)
    np.testing.assert_allclose(found.boxes, [[900, top, 50, 60]], atol=8)


def test_large_faces_are_not_looked_at_again():
    network = FakeYuNet([500, 500, 400, 400], 4096)
    Detector(network).detect(white(3072, 4096))
    assert network.used_width == [1024, 256]


def test_small_photos_are_looked_at_once_and_never_enlarged():
    network = FakeYuNet([50, 50, 20, 20], 250)
    Detector(network).detect(white(250, 250))
    assert network.used_width == [250]


def test_low_scores_and_tiny_faces_are_dropped():
    assert len(Detector(FakeYuNet([50, 50, 20, 20], 250, score=0.54)).detect(white(250, 250))) == 0
    assert len(Detector(FakeYuNet([50, 50, 11, 11], 250)).detect(white(250, 250))) == 0
    assert len(Detector(FakeYuNet([50, 50, 20, 20], 250, score=0.56)).detect(white(250, 250))) == 1


class Doubting(FakeYuNet):
    """As FakeYuNet in the photo; close up, the face in the middle scores `closely`."""

    def __init__(self, box, score: float, closely: list[float]) -> None:
        super().__init__(box, 256, score)
        self.closely = closely

    def run(self, inputs):
        planes = inputs["input"]
        if planes.shape[2] == 256:
            return super().run(inputs)
        self.inputs.append(planes.shape)
        side = planes.shape[2]
        looks = []
        for width, score in zip((32, 40, 56), self.closely, strict=True):
            size = np.array([width, width * self.box[3] / self.box[2]])
            alone = FakeYuNet([*(side - size) / 2, *size], side, score)
            looks.append(alone.run({"input": np.full((1, 3, side, side), 255, np.float32)}))
        return {name: np.concatenate([look[name] for look in looks]) for name in looks[0]}


@pytest.mark.parametrize(
    ("score", "closely", "expected"),
    [
        (0.5, [0.8, 0.7, 0.6], 0.65),  # a face that one look nearly missed
        (0.35, [0.9, 0.9, 0.9], 0.7625),
        (0.65, [0.2, 0.3, 0.4], None),  # the back of a head
        (0.5, [0.9, 0.7, 0.05], None),  # not seen in one look: counts as 0 there
    ],
)
def test_close_looks_settle_doubts(score, closely, expected):
    network = Doubting([100, 90, 40, 50], score, closely)
    found = Detector(network).detect(white(256, 256))
    assert [shape[0] for shape in network.inputs] == [1, 3]
    if expected is None:
        assert len(found) == 0
    else:
        assert found.scores == pytest.approx([expected])
        np.testing.assert_allclose(found.boxes[0], [100, 90, 40, 50], rtol=0.02)


@pytest.mark.parametrize(("width", "score"), [(40, 0.71), (40, 0.29), (23, 0.6), (23, 0.5)])
def test_no_close_look_where_it_cannot_change_or_tell_anything(width, score):
    network = Doubting([100, 90, width, width], score, [0.9, 0.9, 0.9])
    found = Detector(network).detect(white(256, 256))
    assert len(network.inputs) == 1
    assert len(found) == (score >= 0.55)


def test_a_doubtful_face_at_the_edge_is_looked_at_with_black_beyond():
    network = Doubting([-10, -20, 40, 50], 0.5, [0.8, 0.8, 0.8])
    found = Detector(network).detect(white(256, 256))
    np.testing.assert_allclose(found.boxes[0], [0, 0, 30, 30], atol=0.1)


# Few positions and scores, so that overlaps and ties are common.
ROWS = st.lists(
    st.tuples(*[st.integers(0, 12)] * 2, *[st.integers(0, 8)] * 2, st.integers(0, 4)), max_size=24
)


@given(ROWS)
def test_suppression_equals_its_twin(rows):
    table = np.array(rows, np.float32).reshape(-1, 5)
    boxes, scores = table[:, :4], table[:, 4]
    assert suppress(boxes, scores).tolist() == suppression.suppress(boxes, scores)


@pytest.fixture(scope="module")
def detector(models: Path) -> Detector:
    file = model_packs.installed()["detector"]
    return Detector(OrtSession(file.path, sha256=file.sha256))


@pytest.mark.models
@pytest.mark.photos
def test_faces_of_real_photos_are_found(detector: Detector, photos_dir: Path):
    boxes_of = json.loads((photos_dir / "detect_boxes.json").read_text())
    n_large = n_found = n_extra = 0
    for name in sorted(boxes_of)[:20]:
        truth = np.array(boxes_of[name], np.float32).reshape(-1, 4)
        found = detector.detect(np.asarray(Image.open(photos_dir / "detect" / name).convert("RGB")))
        overlaps = np.array([[suppression.overlap(a, b) for a in found.boxes] for b in truth])
        large = truth[:, 2] >= 16
        n_large += large.sum()
        n_found += (overlaps[large].max(axis=1, initial=0) >= 0.4).sum()
        n_extra += (overlaps.max(axis=0, initial=0) < 0.2).sum()
    assert n_found >= 0.95 * n_large
    assert n_extra <= 5


@pytest.mark.models
@pytest.mark.photos
def test_close_ups_are_found(detector: Detector, photos_dir: Path):
    labels = json.loads((photos_dir / "album_labels.json").read_text())
    for name in sorted(labels)[:6]:
        left, top, width, height = labels[name]["faces"][0]["box"]
        photo = Image.open(photos_dir / "album" / name).convert("RGB")
        close = photo.crop((left, top, left + width, top + height)).resize((900, 1100))
        found = detector.detect(np.asarray(close))
        assert len(found) >= 1
        assert found.boxes[0, 2] > 450


@pytest.mark.models
@pytest.mark.parametrize("shape", [(1, 1), (1, 5000), (5000, 1), (31, 33)])
def test_photos_of_odd_shapes_have_no_faces(detector: Detector, shape):
    assert len(detector.detect(np.zeros((*shape, 3), np.uint8))) == 0
