"""People in videos: keyframes, shots, and faces followed through a shot.

PyAV, which decodes them, is an optional extra; `is_readable` says whether it is there.
"""

from fastface.video.container import (
    HOW_TO_READ,
    NoReaderError,
    is_readable,
    is_video,
    keyframe,
)
from fastface.video.reading import StoppedError, Stopper, read_video

__all__ = [
    "HOW_TO_READ",
    "NoReaderError",
    "StoppedError",
    "Stopper",
    "is_readable",
    "is_video",
    "keyframe",
    "read_video",
]
