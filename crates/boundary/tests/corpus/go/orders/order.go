package orders

type Order struct{ ID int }

func (Order) TableName() string { return "orders" }
