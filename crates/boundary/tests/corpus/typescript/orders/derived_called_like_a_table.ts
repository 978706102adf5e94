export async function derived_called_like_a_table(db: any, id: number) {
  return db.execute(sql`
    select customers.n from (select count(*) as n from orders) customers
    where customers.n > 1
    -- ${id}
  `);
}
