DROP TABLE book_cache;
