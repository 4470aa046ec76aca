"""Inspections."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the tables forward."""
    op.create_table(
        "inspections",
        sa.Column("id", sa.String(length=22), nullable=False),
        sa.Column("project_id", sa.String(length=22), nullable=False),
        sa.Column("model_id", sa.String(length=22), nullable=False),
        sa.Column("image_sha256", sa.String(length=64), nullable=False),
        sa.Column("request_key", sa.String(length=80), nullable=True),
        sa.Column("part_id", sa.String(length=120), nullable=True),
        sa.Column("line", sa.String(length=80), nullable=True),
        sa.Column("verdict", sa.String(length=8), nullable=False),
        sa.Column("deviation_score", sa.Double(), nullable=True),
        sa.Column("content", sa.JSON(), nullable=False),
        sa.Column("review", sa.String(length=2), nullable=True),
        sa.Column("reason", sa.String(length=400), nullable=False),
        sa.Column("reviewed_by", sa.String(length=80), nullable=True),
        sa.Column("reviewed_s", sa.Double(), nullable=True),
        sa.Column("created_s", sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(["model_id"], ["models.id"], name=op.f("fk_inspections_model_id")),
        sa.ForeignKeyConstraint(
            ["project_id"], ["projects.id"], name=op.f("fk_inspections_project_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_inspections")),
        sa.UniqueConstraint("project_id", "request_key", name=op.f("uq_inspections_project_id")),
    )
    with op.batch_alter_table("inspections", schema=None) as batch_op:
        batch_op.create_index(
            "ix_inspections_list", ["project_id", "created_s", "id"], unique=False
        )
        batch_op.create_index("ix_inspections_part", ["project_id", "part_id"], unique=False)
        batch_op.create_index(
            "ix_inspections_queue", ["project_id", "verdict", "review", "created_s"], unique=False
        )


def downgrade() -> None:
    """And back."""
    with op.batch_alter_table("inspections", schema=None) as batch_op:
        batch_op.drop_index("ix_inspections_queue")
        batch_op.drop_index("ix_inspections_part")
        batch_op.drop_index("ix_inspections_list")

    op.drop_table("inspections")
