package orders

func UpperCase(db *sqlx.DB) error {
	query :=
		"SELECT O.ID FROM ORDERS O " +
		"JOIN CUSTOMERS C ON C.ID = O.CUSTOMER_ID " + //> join CUSTOMERS
		"ORDER BY O.ID "
	return db.Select(&out, query)
}
