export const value_called_like_a_table = (db: any) => db.query("select id from orders where kind = 'customers' and total > 1");
