export async function qualified(db: any) {
  let sql = "";
  sql += "select o.id from public.orders o ";
  sql += "join public.customers c on c.id = o.customer_id "; //> join public.customers
  return await db.query(sql);
}
