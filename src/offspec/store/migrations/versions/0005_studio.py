"""What the studio asks for: decisions on images, numbered models, logs, signatures, settings."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_NUMBERED = """
UPDATE models SET number = (
    SELECT COUNT(*) FROM models AS other
    WHERE other.project_id = models.project_id
    AND (other.created_s < models.created_s
         OR (other.created_s = models.created_s AND other.id <= models.id))
)
"""


def upgrade() -> None:
    """Bring the tables forward."""
    op.create_table(
        "settings",
        sa.Column("key", sa.String(length=60), nullable=False),
        sa.Column("value", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_settings")),
    )
    op.create_table(
        "job_lines",
        sa.Column("job_id", sa.String(length=22), nullable=False),
        sa.Column("seq", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("time_s", sa.Double(), nullable=False),
        sa.Column("text", sa.String(length=400), nullable=False),
        sa.ForeignKeyConstraint(["job_id"], ["jobs.id"], name=op.f("fk_job_lines_job_id")),
        sa.PrimaryKeyConstraint("job_id", "seq", name=op.f("pk_job_lines")),
    )
    op.create_table(
        "sign_offs",
        sa.Column("id", sa.String(length=22), nullable=False),
        sa.Column("project_id", sa.String(length=22), nullable=False),
        sa.Column("model_id", sa.String(length=22), nullable=False),
        sa.Column("bundle_sha256", sa.String(length=64), nullable=False),
        sa.Column("report_sha256", sa.String(length=64), nullable=True),
        sa.Column("meaning", sa.String(length=400), nullable=False),
        sa.Column("signed_by", sa.String(length=80), nullable=False),
        sa.Column("created_s", sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(["model_id"], ["models.id"], name=op.f("fk_sign_offs_model_id")),
        sa.ForeignKeyConstraint(
            ["project_id"], ["projects.id"], name=op.f("fk_sign_offs_project_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sign_offs")),
    )
    op.create_index(op.f("ix_sign_offs_model_id"), "sign_offs", ["model_id"])
    op.create_index(op.f("ix_sign_offs_project_id"), "sign_offs", ["project_id"])
    # Columns only: SQLite rebuilds a table for anything else, which open foreign keys forbid.
    op.add_column("images", sa.Column("decision", sa.String(length=10), nullable=True))
    op.add_column("images", _text("decision_why"))
    op.add_column("inspections", sa.Column("learned_image_id", sa.String(length=22), nullable=True))
    op.add_column(
        "inspections",
        sa.Column("image_gone", sa.Boolean(), nullable=False, server_default=sa.false()),
    )
    op.add_column("models", sa.Column("number", sa.Integer(), nullable=False, server_default="0"))
    op.add_column("models", sa.Column("parent_id", sa.String(length=22), nullable=True))
    op.add_column("models", _text("note"))
    op.execute(_NUMBERED)
    op.create_index("ix_models_number", "models", ["project_id", "number"], unique=True)


def _text(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.String(length=400), nullable=False, server_default="")


def downgrade() -> None:
    """And back."""
    op.drop_index("ix_models_number", "models")
    for table, columns in (
        ("models", ("note", "parent_id", "number")),
        ("inspections", ("image_gone", "learned_image_id")),
        ("images", ("decision_why", "decision")),
    ):
        for column in columns:
            op.drop_column(table, column)
    for table in ("sign_offs", "job_lines", "settings"):
        op.drop_table(table)
