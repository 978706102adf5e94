package orders

func CommaList(db *sql.DB) {
	_, _ = db.Exec("select o.id, c.email from orders o, customers c where c.id = o.customer_id") //> join customers
}
