diesel::table! {
    customers (id) {
        id -> Int4,
        name -> Text,
    }
}
