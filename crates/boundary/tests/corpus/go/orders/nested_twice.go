package orders

func NestedTwice(db *sql.DB) {
	var b strings.Builder
	b.WriteString("select id from orders where id in (select order_id from order_items where book_id in ")
	b.WriteString("(select id from books where author_id in (select id from authors where name = 1))) ") //> read books; read authors
	db.Query(b.String())
}
