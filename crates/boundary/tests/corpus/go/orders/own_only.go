package orders

func OwnOnly(db *sqlx.DB) error {
	query :=
		"select o.id from orders o join order_items i on i.order_id = o.id where i.qty > 1 "
	return db.Select(&out, query)
}
