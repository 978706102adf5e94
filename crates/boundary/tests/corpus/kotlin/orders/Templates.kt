package shop.orders

class Templates(private val jdbc: JdbcTemplate) {
    fun all(id: Long) = jdbc.query("""
        select o.id, b.title
        from orders o
        join books b on b.id = o.book_id
        where o.id = $id
    """.trimIndent()) //> join books@7

    fun write(id: Long) = jdbc.update("update payments set state = 'x' where id = $id") //> write payments
    fun message(name: String) = println("update the customers of $name, then select from books")
    val table = "customers"
}
