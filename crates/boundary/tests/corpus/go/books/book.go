package books

const table = "books"

type Book struct{ ID int }

func (b *Book) TableName() string { return table }
