"""Which partitions of the communities fall to whom.

Rendezvous hashing: when a seat is taken or left, only the partitions that fall to it, or did,
change hands.
"""

from collections.abc import Collection
from hashlib import blake2b

from anju_platform.registry.partitions import PARTITIONS


def share(seat: int, seats: Collection[int]) -> frozenset[int]:
    """Give the partitions that fall to ``seat`` while these seats are taken."""
    return frozenset(
        partition
        for partition in range(PARTITIONS)
        if seat == max(seats, key=lambda one: (_weight(partition, one), one))
    )


def _weight(partition: int, seat: int) -> bytes:
    return blake2b(b"%d/%d" % (partition, seat), digest_size=8).digest()
