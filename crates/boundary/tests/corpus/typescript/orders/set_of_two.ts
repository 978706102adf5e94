export const set_of_two = (db: any) => db.query("select id from customers where id = 1 intersect select customer_id from orders"); //> read customers
