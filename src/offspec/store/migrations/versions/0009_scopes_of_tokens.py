"""What a token is for; those that were there keep what they could do."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the tables forward."""
    scope = sa.Column("scope", sa.String(length=10), nullable=False, server_default="project")
    op.add_column("api_tokens", scope)


def downgrade() -> None:
    """And back."""
    op.drop_column("api_tokens", "scope")
