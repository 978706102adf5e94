package orders

func UpdateOther(db *sql.DB, id int) {
	rows, err := db.QueryContext(ctx, `
		update books --> write books
		set stock = stock - 1 where id = 1
	`, id)
}
