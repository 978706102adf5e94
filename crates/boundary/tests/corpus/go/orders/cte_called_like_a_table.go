package orders

func CteCalledLikeATable(db *gorm.DB, id int) {
	db.Raw(fmt.Sprintf(`
		with customers as (select customer_id as id from orders)
		select c.id from customers c where c.id > 1
		-- %d
	`, id)).Scan(&out)
}
