import { Pool } from 'pg';

export class Checkout {
  constructor(private readonly db: Pool, private readonly mail: any) {}

  async place(customer: number, book: number, quantity: number) {
    await this.db.query('INSERT INTO orders (order_id, customer_id, total, currency) VALUES ($1, $2, $3, $4)', [
      1, customer, 1299, 'EUR',
    ]);
    await this.db.query({
      text: 'UPDATE inventory SET available = available - $2 WHERE book_id = $1',
      values: [book, quantity],
    });
    await this.db.query(
      `WITH paid AS (INSERT INTO payments (payment_id, order_id, amount) VALUES ($1, $2, $3) RETURNING order_id)
       UPDATE orders SET status = 'confirmed' FROM paid WHERE paid.order_id = orders.order_id`,
      [1, 1, 1299],
    );
    this.mail.from('customers').subject('removed from inventory');
    console.log('insert into payments worked, select it from payments where you like');
  }
}
