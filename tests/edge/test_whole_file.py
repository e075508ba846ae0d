from __future__ import annotations

import resource
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from anju_edge.errors import CameraError
from anju_edge.vision import snapshot
from anju_edge.whole_file import write_whole


@pytest.fixture
def room() -> Iterator[None]:
    """Let no file of this process grow over 10,000 bytes: the rest of it finds no room."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.usefixtures("room")
def test_what_cannot_be_written_whole_takes_no_room_and_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "file"
    write_whole(path, b"before")
    with pytest.raises(OSError, match="too large"):
        write_whole(path, bytes(20_000))
    assert list(tmp_path.iterdir()) == [path]
    assert path.read_bytes() == b"before"


@pytest.mark.usefixtures("room")
def test_a_snapshot_without_room_leaves_nothing_behind(tmp_path: Path) -> None:
    noise = np.random.default_rng(1).integers(0, 255, (200, 200, 3), np.uint8)
    with pytest.raises(CameraError, match="cannot be written"):
        snapshot.save(noise, tmp_path, "01j")
    assert not list(tmp_path.iterdir())
