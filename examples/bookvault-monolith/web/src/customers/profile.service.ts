import { Pool } from 'pg';

export class ProfileService {
  constructor(private readonly db: Pool) {}

  // Own tables only: nothing to report here.
  async profile(id: number) {
    return this.db.query(
      `select c.customer_id, c.name, a.line1, a.city
         from customers c
         left join customer_addresses a on a.customer_id = c.customer_id and a.is_default
        where c.customer_id = $1`,
      [id],
    );
  }

  async rename(id: number, name: string) {
    // It used to be: select * from orders o join books b on b.book_id = o.book_id
    const result = await this.db.query('UPDATE customers SET name = $2 WHERE customer_id = $1', [id, name]);
    if (result.rowCount === 0) {
      throw new Error(`Update of the customer failed. Select an order from orders to continue.`);
    }
  }

  async erase(id: number) {
    await this.db.query('BEGIN');
    await this.db.query('DELETE FROM payment_methods WHERE customer_id = $1', [id]);
    await this.db.query('DELETE FROM customers WHERE customer_id = $1', [id]);
    await this.db.query('COMMIT');
  }
}
