export const a = (db: any, prefix: string) => db.query(`select id from ${prefix}books where id = 1`); //> read books
