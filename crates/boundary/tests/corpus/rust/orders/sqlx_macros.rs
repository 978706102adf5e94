//! SQL in macros: a case of the corpus, read by the checker and never compiled.

pub async fn f(pool: &PgPool) {
    sqlx::query_as!(Row, "select o.id, b.title from orders o join books b on b.id = o.book_id where o.id = $1", 1).fetch_all(pool).await; //> join books
    sqlx::query!(r#"update payments set state = $1"#, 1).execute(pool).await; //> write payments
    sqlx::query_scalar("select id from orders").fetch_one(pool).await;
    println!("select from customers, then update books");
    tracing::info!("update customers set is done");
}
