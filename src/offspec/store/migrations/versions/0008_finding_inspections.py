"""Indexes by which inspections are found among very many, and by which old pictures are swept."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0005"
branch_labels = None
depends_on = None

_TABLE = "inspections"


def upgrade() -> None:
    """Bring the tables forward."""
    op.drop_index("ix_inspections_part", _TABLE)
    op.create_index("ix_inspections_part", _TABLE, ["project_id", "part_id", "created_s", "id"])
    op.create_index("ix_inspections_line", _TABLE, ["project_id", "line", "created_s", "id"])
    op.create_index(
        "ix_inspections_reviewed",
        _TABLE,
        ["project_id", "review", "verdict", "reviewed_by", "reviewed_s"],
    )
    op.create_index("ix_inspections_picture", _TABLE, ["image_sha256"])
    kept = sa.text("NOT image_gone")
    op.create_index(
        "ix_inspections_age", _TABLE, ["created_s"], sqlite_where=kept, postgresql_where=kept
    )


def downgrade() -> None:
    """And back."""
    for name in ("age", "picture", "reviewed", "line", "part"):
        op.drop_index(f"ix_inspections_{name}", _TABLE)
    op.create_index("ix_inspections_part", _TABLE, ["project_id", "part_id"])
