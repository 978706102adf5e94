package orders

func JoinByAlias(db *sql.DB) {
	var b strings.Builder
	b.WriteString("select o.id, c.email ")
	b.WriteString("from orders o ")
	b.WriteString("join customers c on c.id = o.customer_id ") //> join customers
	b.WriteString("where o.total > 10 ")
	db.Query(b.String())
}
