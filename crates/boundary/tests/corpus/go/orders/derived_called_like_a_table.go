package orders

func DerivedCalledLikeATable(db *sqlx.DB) error {
	query :=
		"select customers.n from (select count(*) as n from orders) customers " +
		"where customers.n > 1 "
	return db.Select(&out, query)
}
