package orders

func InsertSelect(db *sql.DB) {
	var b strings.Builder
	b.WriteString("insert into orders (id, customer_id) ")
	b.WriteString("select id, id from customers where active = 1 ") //> read customers
	db.Query(b.String())
}
