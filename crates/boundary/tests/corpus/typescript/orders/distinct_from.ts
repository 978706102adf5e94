export async function distinct_from(db: any) {
  let sql = "";
  sql += "select id from orders where status is distinct from total and total > 1 ";
  return await db.query(sql);
}
