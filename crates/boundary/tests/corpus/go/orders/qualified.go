package orders

func Qualified(db *sql.DB, id int) {
	rows, err := db.QueryContext(ctx, `
		select o.id from public.orders o
		join public.customers c on c.id = o.customer_id --> join public.customers
	`, id)
}
