package orders

func SetOfTwo(db *sql.DB) {
	var b strings.Builder
	b.WriteString("select id from customers where id = 1 ") //> read customers
	b.WriteString("intersect select customer_id from orders ")
	db.Query(b.String())
}
