//! A text that is put together: a case of the corpus, read by the checker and never compiled.

pub fn sql(active: bool) -> String {
    let mut sql = String::from("select o.id from orders o");
    if active {
        sql.push_str(" join customers c on c.id = o.customer_id"); //> join customers
    }
    sql
}
