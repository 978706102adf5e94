export function update_from(db: any, id: number) {
  return db.query(`
    update orders set email = c.email
    from customers c where c.id = orders.customer_id --> join customers
  `, [id]);
}
