"""Let nobody queue what waits for an approval: a process of a release that knows no reviews would, by a retry."""

from alembic import op

revision = "0045"
down_revision = "0044"


def upgrade() -> None:
    op.execute(
        """
        CREATE FUNCTION refuse_unapproved() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF NOT EXISTS (SELECT FROM dns_reviews WHERE id = NEW.review_id AND verdict = 'approved') THEN
                RAISE EXCEPTION 'nobody has approved the request %', NEW.id USING ERRCODE = 'check_violation';
            END IF;
            RETURN NEW;
        END $$
        """
    )
    op.execute(
        "CREATE TRIGGER approved_first BEFORE UPDATE OF seq ON dns_requests"
        " FOR EACH ROW WHEN (OLD.seq < 0 AND NEW.seq >= 0) EXECUTE FUNCTION refuse_unapproved()"
    )


def downgrade() -> None:
    op.execute("DROP TRIGGER approved_first ON dns_requests")
    op.execute("DROP FUNCTION refuse_unapproved")
