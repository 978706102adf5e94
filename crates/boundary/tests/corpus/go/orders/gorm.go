package orders

func F(db *gorm.DB) {
	db.Table("orders").Joins("JOIN customers c ON c.id = orders.customer_id").Find(&out) //> join customers
	db.Table("payments").Where("id = ?", 1).Update("state", 1) //> write payments
	db.Table("order_items").Find(&out)
}
