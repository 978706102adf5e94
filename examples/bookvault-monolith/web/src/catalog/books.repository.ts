import type { Knex } from 'knex';

export class BooksRepository {
  constructor(private readonly knex: Knex) {}

  list(category: string) {
    return this.knex('books as b')
      .join('authors as a', 'a.author_id', 'b.author_id')
      .join('categories as c', 'c.category_id', 'b.category_id')
      .where('c.name', category)
      .select('b.title', 'a.name', 'b.price_cents');
  }

  bestSellers(limit: number) {
    return this.knex('books as b')
      .join('order_items as i', 'i.book_id', 'b.book_id')
      .groupBy('b.book_id')
      .orderByRaw('sum(i.quantity) desc')
      .limit(limit);
  }

  // A common table expression that is only called like the table of another context.
  cheapest() {
    return this.knex.raw(`
      with orders as (select book_id, min(price_cents) as price from books group by book_id)
      select * from orders order by price`);
  }

  async exists() {
    const { rows } = await this.knex.raw(
      "select count(*) from information_schema.tables where table_name = 'customers'",
    );
    return rows[0].count > 0;
  }
}
