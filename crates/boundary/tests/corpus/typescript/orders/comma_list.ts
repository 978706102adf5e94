export function comma_list(db: any) {
  const sql =
    "select o.id, c.email " +
    "from orders o, " +
    "customers c " + //> join customers
    "where c.id = o.customer_id ";
  return db.query(sql);
}
