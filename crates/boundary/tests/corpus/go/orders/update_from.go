package orders

func UpdateFrom(db *gorm.DB, id int) {
	db.Raw(fmt.Sprintf(`
		update orders set email = c.email
		from customers c where c.id = orders.customer_id --> join customers
		-- %d
	`, id)).Scan(&out)
}
