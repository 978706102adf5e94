-- Written by seeds/generate.py from seeds/catalogue.txt; change those, not this file.

DELETE FROM books
WHERE book_id BETWEEN 1 AND 925
  AND NOT EXISTS (SELECT 1 FROM inventory WHERE inventory.book_id = books.book_id);
