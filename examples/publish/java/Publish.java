import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;

/**
 * Publishes within the transaction of the change:
 * {@code java -cp postgresql-42.7.7.jar Publish.java jdbc:postgresql://… 5 "Emma, revised"}
 */
public final class Publish {
    /** Gives a book another title, and says so: both, or neither. */
    static void rename(Connection store, long bookId, String title) throws SQLException {
        store.setAutoCommit(false);
        try (PreparedStatement change = store.prepareStatement(
                        "UPDATE books SET title = ?, version = version + 1 WHERE book_id = ? RETURNING version");
                // The server builds the JSON, so that no text has to be escaped here.
                PreparedStatement event = store.prepareStatement(
                        "INSERT INTO freehold_outbox (topic, key, payload) VALUES ('book.changed.v1', ?, "
                                + "json_build_object('bookId', ?::bigint, 'title', ?::text, 'version', ?::bigint))")) {
            change.setString(1, title);
            change.setLong(2, bookId);
            long version;
            try (ResultSet row = change.executeQuery()) {
                row.next();
                version = row.getLong(1);
            }
            event.setString(1, Long.toString(bookId));
            event.setLong(2, bookId);
            event.setString(3, title);
            event.setLong(4, version);
            event.executeUpdate();
            store.commit();
        } catch (SQLException error) {
            store.rollback();
            throw error;
        }
    }

    public static void main(String[] args) throws SQLException {
        try (Connection store = DriverManager.getConnection(args[0])) {
            rename(store, Long.parseLong(args[1]), args[2]);
        }
    }
}
