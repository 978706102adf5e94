package shop.orders

import org.jooq.DSLContext
import shop.jooq.Tables.CUSTOMERS
import shop.jooq.Tables.ORDERS

fun names(dsl: DSLContext) = dsl.select(CUSTOMERS.NAME).from(ORDERS).leftJoin(CUSTOMERS).on(CUSTOMERS.ID.eq(ORDERS.CUSTOMER_ID)).fetch() //> join customers
