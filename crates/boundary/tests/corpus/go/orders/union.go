package orders

func Union(db *sql.DB) {
	_, _ = db.Exec("select id, total from orders union all select id, amount from refunds where id > 1") //> read refunds
}
