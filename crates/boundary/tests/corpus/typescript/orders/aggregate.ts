export function aggregate(db: any) {
  const sql =
    "select count(*) from books where stock > 0 "; //> read books
  return db.query(sql);
}
