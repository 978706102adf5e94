package orders

func MergeInto(db *sql.DB, id int) {
	rows, err := db.QueryContext(ctx, `
		merge into orders t
		using customers s on (t.customer_id = s.id) --> join customers
		when matched then update set email = s.email
	`, id)
}
