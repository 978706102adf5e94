export async function merge_into(db: any) {
  let sql = "";
  sql += "merge into orders t ";
  sql += "using customers s on (t.customer_id = s.id) "; //> join customers
  sql += "when matched then update set email = s.email ";
  return await db.query(sql);
}
