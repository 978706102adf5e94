package orders

func DistinctFrom(db *sql.DB, id int) {
	rows, err := db.QueryContext(ctx, `
		select id from orders where status is distinct from total and total > 1
	`, id)
}
