"""The promise of the learned inactivity rule, kept on a real home (ADR 14)."""

from __future__ import annotations

from pathlib import Path

import pytest
from bench.inactivity import SEED, SPLITS, Recording, measure

pytestmark = pytest.mark.recordings


def test_a_silence_is_noticed_in_half_the_time_and_few_ring_for_nothing(recordings: Path) -> None:
    recording = Recording.load(recordings / "home")
    learn_on, test_on = SPLITS["weeks 1-2 / 3-4"]
    fixed, _, learned = measure(recording, learn_on, test_on, SEED)
    assert learned["false"] <= 2
    assert learned["ratio"] >= 2
    assert learned["undetected"] <= fixed["undetected"]
