import { books } from '../books/schema'; //> import books
export const all = (db: any) => db.select().from(books);
