"""What all parts of the store share."""

from __future__ import annotations

import json
from typing import Any, Final

from fastface.store.database import Database

# One path per content that is present: the first in byte order, so that copies do not matter.
PRESENT: Final = (
    "(SELECT content_id, min(path) AS path FROM file WHERE NOT missing GROUP BY content_id)"
)


# The same of one content, where few are asked for; NULL if it is not present.
PATH: Final = "(SELECT min(path) FROM file WHERE content_id = content.id AND NOT missing)"


class Tables:
    """A part of the store.  database: shared by all parts."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def state(self, key: str, default: Any = None) -> Any:
        """A small value the library keeps about itself."""
        row = self._database.row("SELECT value FROM state WHERE key = ?", (key,))
        return default if row is None else json.loads(row[0])

    def set_state(self, key: str, value: Any) -> None:
        """Keeps a small value; anything that JSON can hold."""
        self._database.run("REPLACE INTO state VALUES (?, ?)", (key, json.dumps(value)))

    def revision(self) -> int:
        """A number that grows whenever facts change."""
        return int(self.state("revision", 0))

    def facts_changed(self) -> None:
        """Makes the revision grow."""
        self.set_state("revision", self.revision() + 1)
