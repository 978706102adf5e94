import { Pool } from 'pg';

// Allowed, with a reason: see `allow:` in boundaries.yaml.
export async function isBlocked(db: Pool, customer: number) {
  const { rows } = await db.query('select is_active from customers where customer_id = $1', [customer]);
  return !rows[0]?.is_active;
}

export async function suspicious(db: Pool) {
  return db.query(`
    select p.payment_id
      from payments p
     where exists (select 1 from orders o where o.order_id = p.order_id and o.total <> p.amount)`);
}
