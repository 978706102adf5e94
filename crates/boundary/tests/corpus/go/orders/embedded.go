package orders

var q = struct{ a, b string }{
	a: `select id from refunds where id = $1`, //> read refunds
	b: "refunds",
}
