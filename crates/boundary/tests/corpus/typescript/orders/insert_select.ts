export const insert_select = (db: any) => db.query("insert into orders (id, customer_id) select id, id from customers where active = 1"); //> read customers
