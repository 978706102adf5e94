export const a = (db: any, all: boolean) =>
  db.query('select o.id from orders o ' + (all ? '' : 'join payments p on p.order_id = o.id') + ' where o.id > 1'); //> join payments
