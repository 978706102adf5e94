-- The change and the event that tells of it are one transaction: both are there, or neither.
START TRANSACTION;
UPDATE books SET title = 'Emma, revised', version = version + 1 WHERE book_id = 5;
-- `key` is a reserved word here.
INSERT INTO freehold_outbox (topic, `key`, payload)
SELECT 'book.changed.v1', CAST(book_id AS CHAR), JSON_OBJECT('bookId', book_id, 'title', title, 'version', version)
FROM books WHERE book_id = 5;
COMMIT;
