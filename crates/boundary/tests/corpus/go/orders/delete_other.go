package orders

func DeleteOther(db *sqlx.DB) error {
	query :=
		"delete from payments where order_id = 1 " //> write payments
	return db.Select(&out, query)
}
