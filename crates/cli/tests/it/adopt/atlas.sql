-- As Atlas documents its table, in the schema of its own that it has where it is given a database.
CREATE SCHEMA atlas_schema_revisions;
CREATE TABLE atlas_schema_revisions.atlas_schema_revisions (version varchar PRIMARY KEY, description varchar NOT NULL, type bigint NOT NULL DEFAULT 2, applied bigint NOT NULL DEFAULT 0, total bigint NOT NULL DEFAULT 0, executed_at timestamptz NOT NULL, execution_time bigint NOT NULL, error text, error_stmt text, hash varchar NOT NULL, partial_hashes jsonb, operator_version varchar NOT NULL);
INSERT INTO atlas_schema_revisions.atlas_schema_revisions VALUES ('.atlas_cloud_identifier', 'x', 0, 0, 0, now(), 0, NULL, NULL, '', NULL, '');
INSERT INTO atlas_schema_revisions.atlas_schema_revisions VALUES ('20240101120000', 'orders', 2, 1, 1, now(), 1, '', '', 'gMKmYExzmk/DFCsndOJM3xrmcoUbEG8t/R0R6KFYhTo=', NULL, 'Atlas CLI');
CREATE TABLE public.orders (id int PRIMARY KEY);
