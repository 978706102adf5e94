export const join_by_alias = (db: any) => db.query("select o.id, c.email from orders o join customers c on c.id = o.customer_id where o.total > 10"); //> join customers
