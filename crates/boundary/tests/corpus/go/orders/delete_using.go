package orders

func DeleteUsing(db *sql.DB) {
	_, _ = db.Exec("delete from orders using customers c where c.id = orders.customer_id") //> join customers
}
