package shop.orders;

import static shop.jooq.Tables.*;
import org.jooq.DSLContext;

public class Jooq {
    private static final String CUSTOMERS_TOPIC = "customers";

    List<Row> both(DSLContext dsl) {
        return dsl.select(ORDERS.ID, CUSTOMERS.NAME)
            .from(ORDERS)
            .join(CUSTOMERS).on(CUSTOMERS.ID.eq(ORDERS.CUSTOMER_ID)) //> join customers
            .fetch();
    }

    void other(DSLContext dsl) {
        dsl.update(BOOKS).set(BOOKS.STATE, 1).execute(); //> write books
        dsl.insertInto(PAYMENTS, PAYMENTS.ID).values(1).execute(); //> write payments
        dsl.deleteFrom(ORDER_ITEMS).execute();
        dsl.selectFrom(AUTHORS.as("a")).fetch(); //> read authors
    }

    void none(Bus bus) { bus.from(CUSTOMERS_TOPIC).send(); }
}
