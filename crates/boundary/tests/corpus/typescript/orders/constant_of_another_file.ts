import { Tables } from '../customers/tables';
export const a = (db: any) => db.query(`select id from ${Tables.CUSTOMERS} where id = 1`); //> read customers
