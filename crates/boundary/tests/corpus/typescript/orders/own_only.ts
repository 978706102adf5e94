export async function own_only(db: any, id: number) {
  return db.execute(sql`
    select o.id from orders o join order_items i on i.order_id = o.id where i.qty > 1
    -- ${id}
  `);
}
