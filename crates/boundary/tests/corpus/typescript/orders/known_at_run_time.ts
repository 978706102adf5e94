export const a = (db: any, table: string) => db.query(`select id from ${table} where id = 1`);
