//! Queries by Diesel: a case of the corpus, read by the checker and never compiled.

use crate::customers::schema::customers;
use crate::orders::schema::orders;
use diesel::prelude::*;

pub fn both(conn: &mut PgConnection) {
    orders::table
        .inner_join(customers::table) //> join customers
        .select(orders::id)
        .load(conn);
}

pub fn write(conn: &mut PgConnection) {
    diesel::insert_into(customers::table).values(&new).execute(conn); //> write customers
    diesel::update(customers::table.find(1)).set(customers::name.eq("x")).execute(conn); //> write customers
    diesel::delete(orders::table).execute(conn);
}

pub fn own(conn: &mut PgConnection) {
    orders::table.filter(orders::customer_id.eq(1)).load(conn);
}
