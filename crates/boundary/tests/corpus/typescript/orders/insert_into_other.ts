export function insert_into_other(db: any) {
  const sql =
    "insert into customers (id, email) " + //> write customers
    "values (1, 2) ";
  return db.query(sql);
}
