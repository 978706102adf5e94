"""Publishes within the transaction of the change: python3 publish.py STORE.db 5 "Emma, revised"

With SQLite, which is in the standard library. With psycopg or PyMySQL only the connection and the
placeholders (%s) differ; on MariaDB and MySQL `key` is a reserved word and stands in backquotes.
"""

import json
import sqlite3
import sys


def rename(store: sqlite3.Connection, book_id: int, title: str) -> None:
    """Gives a book another title, and says so. An exception rolls both back."""
    with store:
        store.execute("BEGIN IMMEDIATE")
        (version,) = store.execute(
            "UPDATE books SET title = ?, version = version + 1 WHERE book_id = ? RETURNING version",
            (title, book_id),
        ).fetchone()
        payload = {"bookId": book_id, "title": title, "version": version}
        store.execute(
            "INSERT INTO freehold_outbox (topic, key, payload) VALUES (?, ?, ?)",
            ("book.changed.v1", str(book_id), json.dumps(payload)),
        )


if __name__ == "__main__":
    path, book, new_title = sys.argv[1:]
    connection = sqlite3.connect(path, isolation_level=None, timeout=5)
    # FULL: what was committed is still there after a power cut.
    connection.execute("PRAGMA synchronous = FULL")
    rename(connection, int(book), new_title)
