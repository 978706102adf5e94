package com.bookvault.orders;

import com.bookvault.catalog.*;
import java.util.List;
import org.springframework.jdbc.core.JdbcTemplate;

public class OrderSearch {
    private static final String BASE = "SELECT o.order_id, o.status FROM orders o ";
    private final JdbcTemplate jdbc;

    public OrderSearch(JdbcTemplate jdbc) {
        this.jdbc = jdbc;
    }

    public List<Long> find(String email, String title) {
        StringBuilder sql = new StringBuilder(BASE);
        if (email != null) {
            sql.append("JOIN customers c ON c.customer_id = o.customer_id ");
        }
        if (title != null) {
            sql.append("JOIN order_items i ON i.order_id = o.order_id ")
               .append("JOIN books b ON b.book_id = i.book_id ");
        }
        sql.append("WHERE 1 = 1");
        return jdbc.queryForList(sql.toString(), Long.class);
    }

    public String title(Book book) {
        return jdbc.queryForObject("""
            SELECT b.title
              FROM books b
             WHERE b.book_id = ?
            """, String.class, book);
    }

    public void failed() {
        throw new IllegalStateException("could not insert into order_items; removed from books");
    }
}
