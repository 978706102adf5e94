package orders

func CteAndJoin(db *sql.DB) {
	var b strings.Builder
	b.WriteString("with recent as (select id, customer_id from orders where total > 10) ")
	b.WriteString("select r.id, c.email from recent r ")
	b.WriteString("inner join customers c on c.id = r.customer_id ") //> join customers
	db.Query(b.String())
}
