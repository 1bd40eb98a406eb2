"""A pack's models as an app on a phone wants them, with numbers to check the phone's results by."""

from fastface.mobile.bundle import DETECTOR_SIDE, export
from fastface.mobile.checking import check
from fastface.mobile.golden import Agreement

__all__ = ["DETECTOR_SIDE", "Agreement", "check", "export"]
