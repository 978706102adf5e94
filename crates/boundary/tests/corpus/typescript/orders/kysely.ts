export const a = (db: any) => db.selectFrom('orders')
  .innerJoin('payments', 'payments.order_id', 'orders.id') //> join payments
  .selectAll().execute();
export const b = (db: any) => db.insertInto('refunds').values({}).execute(); //> write refunds
