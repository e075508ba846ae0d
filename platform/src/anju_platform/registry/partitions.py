"""Communities in a fixed number of partitions: each has one writer."""

PARTITIONS = 64
"""Fixed for good: two releases at work side by side must agree who writes a community."""

ALL = frozenset(range(PARTITIONS))


def partition_of(community_id: int) -> int:
    """Give the partition a community is in."""
    return community_id % PARTITIONS
