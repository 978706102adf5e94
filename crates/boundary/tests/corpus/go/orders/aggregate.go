package orders

func Aggregate(db *sql.DB) {
	_, _ = db.Exec("select count(*) from books where stock > 0") //> read books
}
