package orders

func InsertIntoOther(db *sql.DB) {
	_, _ = db.Exec("insert into customers (id, email) values (1, 2)") //> write customers
}
