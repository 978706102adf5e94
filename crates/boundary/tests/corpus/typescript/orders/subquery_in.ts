export async function subquery_in(db: any) {
  let sql = "";
  sql += "select id from orders ";
  sql += "where customer_id in (select id from customers where country = 1) "; //> read customers
  return await db.query(sql);
}
