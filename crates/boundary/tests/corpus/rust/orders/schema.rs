diesel::table! {
    orders (id) {
        id -> Int4,
        customer_id -> Int4,
    }
}
