"""Partitions of the tables, as tests look at them."""

# Their storage parameters are those of their partitions.
NO_AUTOVACUUM = """
    DO $$
    DECLARE partition regclass;
    BEGIN
        FOR partition IN SELECT inhrelid FROM pg_inherits WHERE inhparent = 'dns_requests'::regclass LOOP
            EXECUTE 'ALTER TABLE ' || partition || ' SET (autovacuum_enabled = false)';
        END LOOP;
    END $$
"""
# Entries of the partitions' indexes that a transaction has visited, dead ones included.
VISITED = """
    SELECT sum(pg_stat_get_xact_tuples_returned(inhrelid)) FROM pg_inherits
     WHERE inhparent = CAST(:index AS regclass)
"""
