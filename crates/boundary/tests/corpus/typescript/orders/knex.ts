export const a = (knex: any) => knex('orders as o')
  .leftJoin('customers as c', 'c.id', 'o.customer_id') //> join customers
  .select('o.id');
export const b = (trx: any) => trx('books').where({ id: 1 }).update({ stock: 0 }); //> write books
export const c = (knex: any) => knex('orders').insert({ id: 1 });
