"""Table of the partitions."""

from datetime import datetime

from sqlalchemy.orm import Mapped, mapped_column

from anju_platform.database import Table


class Partition(Table):
    """Until when somebody listened to a partition; how long nobody did is told from it."""

    __tablename__ = "partitions"
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    heard_at: Mapped[datetime]
