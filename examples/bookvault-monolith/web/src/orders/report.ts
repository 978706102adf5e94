import { Pool } from 'pg';

const CUSTOMERS = 'customers';

export class OrderReport {
  constructor(private readonly db: Pool) {}

  byCountry(since: Date) {
    return this.db.query(
      `select a.country, sum(o.total)
         from orders o
         join customers c
           on c.customer_id = o.customer_id
         join customer_addresses a on a.customer_id = c.customer_id
        where o.order_date > $1
        group by a.country`,
      [since],
    );
  }

  names(ids: number[]) {
    const sql = 'SELECT customer_id, name ' + 'FROM ' + CUSTOMERS + ' WHERE customer_id = ANY($1)';
    return this.db.query(sql, [ids]);
  }

  lines(order: number, withAuthor: boolean) {
    let sql = 'select i.*, b.title from order_items i';
    sql += ' join books b on b.book_id = i.book_id';
    if (withAuthor) {
      sql += ' join authors w on w.author_id = b.author_id';
    }
    sql += ' where i.order_id = $1';
    return this.db.query(sql, [order]);
  }

  // The derived table carries another table's name and is the order's own.
  open() {
    return this.db.query(`select * from (select order_id from orders where status = 'pending') customers`);
  }

  anyTable(table: string) {
    return this.db.query(`select count(*) from ${table}`);
  }
}
