package customers

type Customer struct{ ID int }

func (Customer) TableName() string { return "customers" }
