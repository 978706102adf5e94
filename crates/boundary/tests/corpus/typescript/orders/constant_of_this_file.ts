const TABLE = 'customer_addresses';
export const a = (db: any) => db.query('select id from ' + TABLE + ' where id = 1'); //> read customer_addresses
