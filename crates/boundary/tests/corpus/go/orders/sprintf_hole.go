package orders

func H(db *sql.DB, t string) { db.Query(fmt.Sprintf("select id from %s where id = $1", t)) }
