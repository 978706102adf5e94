export const books = pgTable('books', { id: serial('id') });
