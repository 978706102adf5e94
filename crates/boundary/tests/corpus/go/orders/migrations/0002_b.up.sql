alter table orders drop constraint orders_book_id_fkey;
create view order_names as select o.id, c.name from orders o join customers c on true; --> view customers
