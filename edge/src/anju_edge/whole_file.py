"""Files that are read by others while we write them."""

import contextlib
from pathlib import Path


def write_whole(path: Path, content: bytes) -> None:
    """Write a file so that nobody ever reads half of it, also after a crash.

    Raises:
        OSError: it cannot be written; what stood there stays.
    """
    draft = path.with_name(f".{path.name}.draft")
    try:
        draft.write_bytes(content)
        draft.replace(path)
    except OSError:
        with contextlib.suppress(OSError):
            draft.unlink()  # on a full disk half a file takes the last of the room
        raise
