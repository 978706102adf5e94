// Publishes within the transaction of the change. npm install pg, then
// DATABASE_URL=postgres://… node publish.ts 5 "Emma, revised"   (Node 22.18 or later reads TypeScript)
import pg from "pg";

interface BookChanged {
  bookId: number;
  title: string;
  version: number;
}

/** Gives a book another title, and says so: both, or neither. */
export async function rename(client: pg.Client, bookId: number, title: string): Promise<void> {
  await client.query("BEGIN");
  try {
    const { rows } = await client.query(
      "UPDATE books SET title = $1, version = version + 1 WHERE book_id = $2 RETURNING version",
      [title, bookId],
    );
    const changed: BookChanged = { bookId, title, version: Number(rows[0].version) };
    await client.query("INSERT INTO freehold_outbox (topic, key, payload) VALUES ($1, $2, $3)", [
      "book.changed.v1",
      String(bookId),
      JSON.stringify(changed),
    ]);
    await client.query("COMMIT");
  } catch (error) {
    await client.query("ROLLBACK");
    throw error;
  }
}

const [bookId, title] = process.argv.slice(2);
const client = new pg.Client({ connectionString: process.env.DATABASE_URL });
await client.connect();
await rename(client, Number(bookId), title);
await client.end();
