export const a = (ds: any) => ds.createQueryBuilder().select('x').from('books', 'b').getRawMany(); //> read books
export const mail = (m: any) => m.from('customers').to('books');
export const bytes = Buffer.from('orders');
