export function delete_using(db: any) {
  const sql =
    "delete from orders using customers c " + //> join customers
    "where c.id = orders.customer_id ";
  return db.query(sql);
}
