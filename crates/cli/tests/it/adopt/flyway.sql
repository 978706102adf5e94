-- Recorded from the tool itself with pg_dump.
CREATE TABLE public.flyway_schema_history (
    installed_rank integer NOT NULL,
    version character varying(50),
    description character varying(200) NOT NULL,
    type character varying(20) NOT NULL,
    script character varying(1000) NOT NULL,
    checksum integer,
    installed_by character varying(100) NOT NULL,
    installed_on timestamp without time zone DEFAULT now() NOT NULL,
    execution_time integer NOT NULL,
    success boolean NOT NULL
);
CREATE TABLE public.orders (
    id integer NOT NULL,
    status text DEFAULT 'open'::text NOT NULL
);
CREATE VIEW public.open_orders AS
 SELECT orders.id,
    orders.status
   FROM public.orders
  WHERE (orders.status = 'open'::text);
CREATE SEQUENCE public.orders_id_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.orders_id_seq OWNED BY public.orders.id;
ALTER TABLE ONLY public.orders ALTER COLUMN id SET DEFAULT nextval('public.orders_id_seq'::regclass);
INSERT INTO public.flyway_schema_history VALUES (1, '1', 'orders', 'SQL', 'V1__orders.sql', 1643979061, 'postgres', '2026-11-21 09:50:13.464397', 10, true);
INSERT INTO public.flyway_schema_history VALUES (2, '1.1', 'Add Status', 'SQL', 'V1.1__Add_Status.sql', -699899482, 'postgres', '2026-11-21 09:50:13.544129', 12, true);
INSERT INTO public.flyway_schema_history VALUES (3, NULL, 'views', 'SQL', 'R__views.sql', -2009620159, 'postgres', '2026-11-21 09:50:13.582584', 9, true);
INSERT INTO public.orders VALUES (1, 'open');
SELECT pg_catalog.setval('public.orders_id_seq', 1, true);
ALTER TABLE ONLY public.flyway_schema_history
    ADD CONSTRAINT flyway_schema_history_pk PRIMARY KEY (installed_rank);
ALTER TABLE ONLY public.orders
    ADD CONSTRAINT orders_pkey PRIMARY KEY (id);
CREATE INDEX flyway_schema_history_s_idx ON public.flyway_schema_history USING btree (success);
