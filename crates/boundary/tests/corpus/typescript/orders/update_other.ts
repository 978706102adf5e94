export async function update_other(db: any) {
  let sql = "";
  sql += "update books "; //> write books
  sql += "set stock = stock - 1 where id = 1 ";
  return await db.query(sql);
}
