export function extract_is_no_from(db: any, id: number) {
  return db.query(`
    select extract(year from o.created) from orders o where o.total > 1
  `, [id]);
}
