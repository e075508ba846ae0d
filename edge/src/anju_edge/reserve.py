"""Room kept for the day the disk is full.

SQLite must write before it can delete. On a disk without a free page a spool could neither
take a reading nor forget one; so a file of plain room stands beside it, to be given up then.
"""

import contextlib
import os
import shutil
from pathlib import Path

RESERVE_BYTES = 16 * 1024 * 1024


class Reserve:
    """The file; it is held or it is spent."""

    def __init__(self, path: Path) -> None:
        self._path = path

    @property
    def held(self) -> bool:
        """Whether there is something to spend."""
        return self._path.exists()

    def free_bytes(self) -> int:
        """Give how much room the disk has beside the reserve."""
        return shutil.disk_usage(self._path.parent).free

    def hold(self) -> bool:
        """Make the reserve if the disk has twice its room; say whether it is held."""
        if self.held:
            return True
        if self.free_bytes() < 2 * RESERVE_BYTES:
            return False
        draft = self._path.with_name(f".{self._path.name}.draft")
        try:
            with draft.open("wb") as file:
                os.posix_fallocate(file.fileno(), 0, RESERVE_BYTES)
            draft.replace(self._path)
        except OSError:
            self._remove(draft)
            return False
        return True

    def spend(self) -> bool:
        """Give the room back to the disk; say whether there was any."""
        return self._remove(self._path)

    def _remove(self, path: Path) -> bool:
        with contextlib.suppress(OSError):
            path.unlink()
            return True
        return False
