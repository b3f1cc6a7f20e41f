"""Let rows of the audit be added at its end only: who may add some could use up the numbers, and no act be noted."""

from alembic import op

revision = "0046"
down_revision = "0045"


def upgrade() -> None:
    # Its name is looked up by none of the caller's rules: a temporary table of that name would come first.
    op.execute(
        """
        CREATE FUNCTION refuse_gap_in_audit() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog AS $$
        DECLARE
            last record;
        BEGIN
            EXECUTE format('SELECT seq, hash FROM %I.%I ORDER BY seq DESC LIMIT 1', TG_TABLE_SCHEMA, TG_TABLE_NAME)
               INTO last;
            IF NEW.seq IS DISTINCT FROM coalesce(last.seq, 0) + 1
               OR NEW.previous IS DISTINCT FROM coalesce(last.hash, decode(repeat('00', 32), 'hex')) THEN
                RAISE EXCEPTION 'a row of access_audit follows on the last one'
                    USING ERRCODE = 'check_violation';
            END IF;
            IF NEW.at NOT BETWEEN '2000-01-01Z' AND '9999-01-01Z' THEN
                RAISE EXCEPTION 'a row of access_audit is of a time that can be read'
                    USING ERRCODE = 'check_violation';
            END IF;
            RETURN NEW;
        END $$
        """
    )
    op.execute(
        "CREATE TRIGGER follows_on BEFORE INSERT ON access_audit"
        " FOR EACH ROW EXECUTE FUNCTION refuse_gap_in_audit()"
    )


def downgrade() -> None:
    op.execute("DROP TRIGGER follows_on ON access_audit")
    op.execute("DROP FUNCTION refuse_gap_in_audit")
