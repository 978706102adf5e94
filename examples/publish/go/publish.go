// Publishes within the transaction of the change, with database/sql:
//
//	DATABASE_URL=postgres://… go run . 5 "Emma, revised"
package main

import (
	"context"
	"database/sql"
	"encoding/json"
	"log"
	"os"
	"strconv"

	_ "github.com/lib/pq"
)

// BookChanged is the event's payload.
type BookChanged struct {
	BookID  int64  `json:"bookId"`
	Title   string `json:"title"`
	Version int64  `json:"version"`
}

// rename gives a book another title, and says so: both, or neither.
func rename(ctx context.Context, store *sql.DB, bookID int64, title string) error {
	tx, err := store.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback() // nothing after a commit

	changed := BookChanged{BookID: bookID, Title: title}
	err = tx.QueryRowContext(ctx,
		"UPDATE books SET title = $1, version = version + 1 WHERE book_id = $2 RETURNING version",
		title, bookID).Scan(&changed.Version)
	if err != nil {
		return err
	}
	payload, err := json.Marshal(changed)
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx,
		"INSERT INTO freehold_outbox (topic, key, payload) VALUES ('book.changed.v1', $1, $2)",
		strconv.FormatInt(bookID, 10), string(payload))
	if err != nil {
		return err
	}
	return tx.Commit()
}

func main() {
	store, err := sql.Open("postgres", os.Getenv("DATABASE_URL"))
	if err != nil {
		log.Fatal(err)
	}
	defer store.Close()
	bookID, err := strconv.ParseInt(os.Args[1], 10, 64)
	if err != nil {
		log.Fatal(err)
	}
	if err := rename(context.Background(), store, bookID, os.Args[2]); err != nil {
		log.Fatal(err)
	}
}
