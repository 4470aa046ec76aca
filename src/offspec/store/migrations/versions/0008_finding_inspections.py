"""Indexes by which inspections are found among very many, and by which old pictures are swept."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0005"
branch_labels = None
depends_on = None

_TABLE = "inspections"
_PLACE = ["created_s", "id"]
"""The order of every list: an index that ends in it needs no sorting."""
_NEW = {
    "list": ["project_id", *_PLACE, "verdict", "review"],  # the last two for rates
    "queue": ["project_id", "verdict", "review", *_PLACE],
    "part": ["project_id", "part_id", *_PLACE],
    "line": ["project_id", "line", *_PLACE],
    "model": ["project_id", "model_id", *_PLACE],
    "reviewed": ["project_id", "review", "verdict", "reviewed_by", "reviewed_s"],
    "picture": ["image_sha256"],
}
_OLD = {
    "list": ["project_id", *_PLACE],
    "queue": ["project_id", "verdict", "review", "created_s"],
    "part": ["project_id", "part_id"],
}


def upgrade() -> None:
    """Bring the tables forward."""
    _replace(_OLD, _NEW)
    op.create_index(
        "ix_inspections_age",
        _TABLE,
        ["created_s"],
        sqlite_where=sa.text("image_gone = 0"),
        postgresql_where=sa.text("NOT image_gone"),
    )


def downgrade() -> None:
    """And back."""
    op.drop_index("ix_inspections_age", _TABLE)
    _replace(_NEW, _OLD)


def _replace(old: dict[str, list[str]], new: dict[str, list[str]]) -> None:
    for name in old:
        op.drop_index(f"ix_inspections_{name}", _TABLE)
    for name, columns in new.items():
        op.create_index(f"ix_inspections_{name}", _TABLE, columns)
