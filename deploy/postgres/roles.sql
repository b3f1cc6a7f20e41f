-- Three roles, so that no process can change the tables' definitions, nor what the audit says:
--   dns_owner   owns the tables; `python -m app.cli migrate` runs as it, and nothing else
--   dns_api     the api, and the commands of an operator
--   dns_worker  the workers; tokens, sessions, grants and the audit are not theirs to see
-- Run it with psql in the service's database, as a superuser or as whoever owns the database and may create roles:
-- before the first migration, and after each one. It may be run again and again. Other names: --set owner=…
-- docs/how-to/production.md#roles-in-postgresql
\set ON_ERROR_STOP on
\if :{?owner} \else \set owner dns_owner \endif
\if :{?api} \else \set api dns_api \endif
\if :{?worker} \else \set worker dns_worker \endif
BEGIN;
SET LOCAL client_min_messages = warning;

-- Without a password nobody can be them: set it with \password, which sends no plain text.
SELECT format('CREATE ROLE %I LOGIN', name)
  FROM unnest(ARRAY[:'owner', :'api', :'worker']) AS name
 WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = name) \gexec

REVOKE CREATE ON SCHEMA public FROM PUBLIC, :"api", :"worker";
GRANT USAGE, CREATE ON SCHEMA public TO :"owner";
GRANT USAGE ON SCHEMA public TO :"api", :"worker";

-- What is there, and what later migrations add.
REVOKE ALL ON ALL TABLES IN SCHEMA public FROM :"api", :"worker";
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO :"api", :"worker";
GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO :"api", :"worker";
ALTER DEFAULT PRIVILEGES FOR ROLE :"owner" IN SCHEMA public
    GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO :"api", :"worker";
ALTER DEFAULT PRIVILEGES FOR ROLE :"owner" IN SCHEMA public
    GRANT USAGE, SELECT ON SEQUENCES TO :"api", :"worker";

-- But for these.
SELECT format('REVOKE %s ON %I FROM %I', rights, relation, role)
  FROM (VALUES
        ('INSERT, UPDATE, DELETE', 'alembic_version', :'api'),
        ('INSERT, UPDATE, DELETE', 'alembic_version', :'worker'),
        ('UPDATE, DELETE', 'access_audit', :'api'),
        ('ALL', 'access_audit', :'worker'),
        ('ALL', 'access_tokens', :'worker'),
        ('ALL', 'access_grants', :'worker'),
        ('ALL', 'access_quotas', :'worker'),
        ('ALL', 'access_transfers', :'worker'),
        ('ALL', 'access_version', :'worker'),
        ('ALL', 'console_sessions', :'worker'),
        ('UPDATE, DELETE', 'cursor_key', :'api'),
        ('ALL', 'cursor_key', :'worker')) AS exception (rights, relation, role)
 WHERE to_regclass(relation) IS NOT NULL \gexec
COMMIT;
