package orders

func TwoLeftJoins(db *gorm.DB, id int) {
	db.Raw(fmt.Sprintf(`
		select o.id, c.email, b.title from orders o
		left join customers c on c.id = o.customer_id --> join customers
		left outer join books b on b.id = o.book_id --> join books
		-- %d
	`, id)).Scan(&out)
}
