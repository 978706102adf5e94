export async function exists(db: any, id: number) {
  return db.execute(sql`
    select id from orders o where exists (
    select 1 from payments p where p.order_id = o.id) --> read payments
    -- ${id}
  `);
}
