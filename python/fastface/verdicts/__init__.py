"""What the user said, replayed over what the machine grouped: clusters + verdicts = people.

Pure functions of plain values.  `words` lists what can be said; `places` finds the faces that
verdicts are about; `weighing` decides which count where they contradict each other; `numbering`
gives clusters numbers that last; `replay` divides the clusters among people.
"""

from fastface.verdicts.numbering import number
from fastface.verdicts.places import Heard, Places
from fastface.verdicts.replay import Claims, Likeness, claim, replay
from fastface.verdicts.weighing import Conflict, Rulings, in_force, weigh

__all__ = [
    "Claims",
    "Conflict",
    "Heard",
    "Likeness",
    "Places",
    "Rulings",
    "claim",
    "in_force",
    "number",
    "replay",
    "weigh",
]
