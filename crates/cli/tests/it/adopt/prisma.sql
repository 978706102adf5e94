-- As Prisma documents its table.
CREATE TABLE public._prisma_migrations (id varchar(36) PRIMARY KEY, checksum varchar(64) NOT NULL, finished_at timestamptz, migration_name varchar(255) NOT NULL, logs text, rolled_back_at timestamptz, started_at timestamptz NOT NULL DEFAULT now(), applied_steps_count integer NOT NULL DEFAULT 0);
INSERT INTO public._prisma_migrations VALUES ('a', '00', NULL, '20240101120000_orders', 'failed', now(), now() - interval '1 hour', 0);
INSERT INTO public._prisma_migrations VALUES ('b', 'd13d7806466ed342fca507377687987abb76ae1b243467cedeca2b168132cd2c', now(), '20240101120000_orders', NULL, NULL, now(), 1);
CREATE TABLE public.orders (id int PRIMARY KEY);
