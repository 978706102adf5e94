package orders

func S() {
	sq.Select("id").From("books").Where("id = 1") //> read books
	sq.Update("inventory").Set("n", 1) //> write inventory
}
