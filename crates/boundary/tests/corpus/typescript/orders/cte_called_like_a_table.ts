export function cte_called_like_a_table(db: any, id: number) {
  return db.query(`
    with customers as (select customer_id as id from orders)
    select c.id from customers c where c.id > 1
  `, [id]);
}
