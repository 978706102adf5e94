export function union(db: any) {
  const sql =
    "select id, total from orders " +
    "union all select id, amount from refunds where id > 1 "; //> read refunds
  return db.query(sql);
}
