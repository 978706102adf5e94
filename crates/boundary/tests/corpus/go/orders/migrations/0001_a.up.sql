create table orders (
  id bigint primary key,
  customer_id bigint references customers (id), --> foreign-key customers
  book_id bigint references books (id)
);
