package orders

func ValueCalledLikeATable(db *sql.DB) {
	var b strings.Builder
	b.WriteString("select id from orders where kind = 'customers' and total > 1 ")
	db.Query(b.String())
}
