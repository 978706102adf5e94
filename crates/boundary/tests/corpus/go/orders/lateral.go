package orders

func Lateral(db *gorm.DB, id int) {
	db.Raw(fmt.Sprintf(`
		select o.id, x.amount from orders o cross join lateral
		(select amount from payments p where p.order_id = o.id limit 1) x --> read payments
		-- %d
	`, id)).Scan(&out)
}
