"""Communities in a fixed number of partitions, and which partitions fall to whom.

Rendezvous hashing: when a seat is taken or left, only the partitions that fall to it, or did,
change hands.
"""

from collections.abc import Collection
from hashlib import blake2b

PARTITIONS = 64
"""Fixed for good: two releases at work side by side must agree who writes a community."""

ALL = frozenset(range(PARTITIONS))


def partition_of(community_id: int) -> int:
    """Give the partition a community is in."""
    return community_id % PARTITIONS


def share(seat: int, seats: Collection[int]) -> frozenset[int]:
    """Give the partitions that fall to ``seat`` while these seats are taken."""
    return frozenset(
        partition
        for partition in range(PARTITIONS)
        if seat == max(seats, key=lambda one: (_weight(partition, one), one))
    )


def _weight(partition: int, seat: int) -> bytes:
    return blake2b(b"%d/%d" % (partition, seat), digest_size=8).digest()
