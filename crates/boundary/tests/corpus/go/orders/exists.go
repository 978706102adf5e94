package orders

func Exists(db *sqlx.DB) error {
	query :=
		"select id from orders o where exists ( " +
		"select 1 from payments p where p.order_id = o.id) " //> read payments
	return db.Select(&out, query)
}
