package orders

func ExtractIsNoFrom(db *gorm.DB, id int) {
	db.Raw(fmt.Sprintf(`
		select extract(year from o.created) from orders o where o.total > 1
		-- %d
	`, id)).Scan(&out)
}
