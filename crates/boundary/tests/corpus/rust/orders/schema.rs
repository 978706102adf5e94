//! A table as Diesel declares it: a case of the corpus, read by the checker and never compiled.

diesel::table! {
    orders (id) {
        id -> Int4,
        customer_id -> Int4,
    }
}
