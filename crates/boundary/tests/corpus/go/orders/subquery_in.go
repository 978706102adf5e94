package orders

func SubqueryIn(db *sql.DB, id int) {
	rows, err := db.QueryContext(ctx, `
		select id from orders
		where customer_id in (select id from customers where country = 1) --> read customers
	`, id)
}
