-- The change and the event that tells of it are one transaction: both are there, or neither.
BEGIN;
UPDATE books SET title = 'Emma, revised', version = version + 1 WHERE book_id = 5;
INSERT INTO freehold_outbox (topic, key, payload)
SELECT 'book.changed.v1', book_id::text, json_build_object('bookId', book_id, 'title', title, 'version', version)
FROM books WHERE book_id = 5;
COMMIT;
