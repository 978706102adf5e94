package orders

func T(db *sql.DB) error {
	tx, err := db.BeginTx(ctx, nil) //> transaction payments
	tx.Exec("insert into orders (id) values (1)")
	tx.Exec("insert into payments (id) values (1)") //> write payments
	return tx.Commit()
}
