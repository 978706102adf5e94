package orders

const addresses = "customer_addresses"

func A(db *sql.DB) { db.Query("select id from " + addresses + " where id = $1") } //> read customer_addresses
