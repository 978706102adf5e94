export async function delete_other(db: any, id: number) {
  return db.execute(sql`
    delete from payments where order_id = 1 --> write payments
    -- ${id}
  `);
}
