-- As sqlx documents its table.
CREATE TABLE public._sqlx_migrations (version bigint PRIMARY KEY, description text NOT NULL, installed_on timestamptz NOT NULL DEFAULT now(), success boolean NOT NULL, checksum bytea NOT NULL, execution_time bigint NOT NULL);
INSERT INTO public._sqlx_migrations VALUES (20240101120000, 'orders', now(), true, '\x4ae1bface3d6644ec82dd395dce4e33670c9fbf7f71a7eaf4c1485b2a4e5495bf84d60a9cc42b54e056263ecd11d9c94', 1);
CREATE TABLE public.orders (id int PRIMARY KEY);
