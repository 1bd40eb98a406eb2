"""Metadata: what cameras write is read, what makes no sense counts as absent."""

from __future__ import annotations

from datetime import UTC, datetime
from io import BytesIO
from typing import Any

import pytest
from PIL import Image
from PIL.ExifTags import GPS, IFD, Base
from PIL.TiffImagePlugin import IFDRational

from fastface.exif import metadata, orientation, parse_time
from fastface.images import decode
from fastface.types import PhotoMetadata

NOON = datetime(2019, 6, 1, 12, 0, 0, tzinfo=UTC).timestamp()
PARIS = {
    GPS.GPSLatitudeRef: "N",
    GPS.GPSLatitude: (48.0, 51.0, 24.12),
    GPS.GPSLongitudeRef: "E",
    GPS.GPSLongitude: (2.0, 21.0, 7.92),
}


def photo_with(
    main: dict[int, Any], photo: dict[int, Any], gps: dict[int, Any], kind: str = "JPEG"
) -> PhotoMetadata:
    exif = Image.Exif()
    exif.update(main)
    exif.get_ifd(IFD.Exif).update(photo)
    exif.get_ifd(IFD.GPSInfo).update(gps)
    buffer = BytesIO()
    Image.new("RGB", (40, 30), "teal").save(buffer, kind, exif=exif.tobytes())
    return decode(buffer.getvalue()).metadata


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF"])
def test_everything_a_camera_writes(kind: str) -> None:
    found = photo_with(
        {Base.Make: "Canon", Base.Model: "Canon EOS 5D", Base.Orientation: 6},
        {Base.DateTimeOriginal: "2019:06:01 12:00:00", Base.SubsecTimeOriginal: "25"},
        PARIS,
        kind,
    )
    assert (found.width, found.height) == (30, 40)
    assert found.taken_at == NOON + 0.25
    assert found.latitude == pytest.approx(48.8567)
    assert found.longitude == pytest.approx(2.3522)
    assert found.camera == "Canon EOS 5D"


def test_nothing_written() -> None:
    assert photo_with({}, {}, {}) == PhotoMetadata(40, 30)


def test_first_time_that_is_set() -> None:
    times = {
        Base.DateTimeOriginal: "0000:00:00 00:00:00",
        Base.DateTimeDigitized: "2019:06:01 12:00:00",
        Base.DateTime: "2024:01:01 00:00:00",
    }
    assert metadata(times, 4, 3).taken_at == NOON
    del times[Base.DateTimeDigitized]
    assert metadata(times, 4, 3).taken_at == parse_time("2024:01:01 00:00:00")


@pytest.mark.parametrize(
    "text",
    [
        "2019:06:01 12:00:00",
        "2019-06-01 12:00:00",
        "2019-06-01T12:00:00+02:00",  # the camera's own clock, whatever its zone
        "2019:06:01 12:00",
        "2019:6:1 12:0:0",
        " 2019/06/01 12:00:00.000",
    ],
)
def test_ways_to_write_a_time(text: str) -> None:
    assert parse_time(text) == NOON


@pytest.mark.parametrize(
    "text",
    [
        "",
        "    :  :     :  :  ",
        "0000:00:00 00:00:00",
        "2019:13:01 12:00:00",
        "2019:02:30 12:00:00",
        "2019:06:01",  # a day without a time would put all its photos into one moment
        "2019:06:01 25:00:00",
        "yesterday",
    ],
)
def test_what_is_not_a_time(text: str) -> None:
    assert parse_time(text) is None


def test_time_before_1970() -> None:
    assert parse_time("1931:05:17 09:00:00") == datetime(1931, 5, 17, 9, tzinfo=UTC).timestamp()


@pytest.mark.parametrize("value", [b"2019:06:01 12:00:00\0", "2019:06:01 12:00:00\0\0junk"])
def test_time_with_padding(value: Any) -> None:
    assert metadata({Base.DateTimeOriginal: value}, 4, 3).taken_at == NOON


@pytest.mark.parametrize("value", [7, None, (1, 2), 3.5, b"\xff\xfe"])
def test_tags_of_the_wrong_type(value: Any) -> None:
    tags = {Base.DateTime: value, Base.Make: value, Base.Model: value, IFD.GPSInfo: value}
    assert metadata(tags, 4, 3) in (PhotoMetadata(4, 3), PhotoMetadata(4, 3, camera="\ufffd\ufffd"))
    assert orientation({Base.Orientation: value}) in (1, 7)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({}, (48.8567, 2.3522)),
        ({GPS.GPSLatitudeRef: "S", GPS.GPSLongitudeRef: "W"}, (-48.8567, -2.3522)),
        ({GPS.GPSLatitudeRef: b"S\0"}, (-48.8567, 2.3522)),
        ({GPS.GPSLatitude: (48.8567,)}, (48.8567, 2.3522)),
        ({GPS.GPSLatitude: 48.8567}, (48.8567, 2.3522)),
        ({GPS.GPSLatitudeRef: None}, None),
        ({GPS.GPSLatitudeRef: "E"}, None),
        ({GPS.GPSLatitude: (91.0, 0.0, 0.0)}, None),
        ({GPS.GPSLongitude: (180.0, 0.0, 1.0)}, None),
        ({GPS.GPSLatitude: (-48.0, 0.0, 0.0)}, None),
        ({GPS.GPSLatitude: (IFDRational(0, 0), 0.0, 0.0)}, None),
        ({GPS.GPSLatitude: ()}, None),
        ({GPS.GPSLatitude: "48"}, (48.0, 2.3522)),
        ({GPS.GPSLatitude: (0.0, 0.0, 0.0), GPS.GPSLongitude: (0.0, 0.0, 0.0)}, None),
    ],
)
def test_place(change: dict[int, Any], expected: tuple[float, float] | None) -> None:
    found = metadata({IFD.GPSInfo: PARIS | change}, 4, 3)
    if expected is None:
        assert found.latitude is None
        assert found.longitude is None
    else:
        assert (found.latitude, found.longitude) == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize(
    ("make", "model", "camera"),
    [
        ("Apple", "iPhone 12", "Apple iPhone 12"),
        ("NIKON CORPORATION", "NIKON D90", "NIKON CORPORATION NIKON D90"),
        ("Canon\0\0", "  Canon  PowerShot\x01", "Canon PowerShot"),
        ("", "", None),
        ("Sony", None, "Sony"),
    ],
)
def test_camera(make: Any, model: Any, camera: str | None) -> None:
    assert metadata({Base.Make: make, Base.Model: model}, 4, 3).camera == camera
