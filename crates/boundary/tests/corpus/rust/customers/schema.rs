//! A table as Diesel declares it: a case of the corpus, read by the checker and never compiled.

diesel::table! {
    customers (id) {
        id -> Int4,
        name -> Text,
    }
}
