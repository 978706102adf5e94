package orders

import "errors"

var errA = errors.New("delete from books is not allowed")

func M() {
	log.Printf("select customers from %s", "x")
	fmt.Errorf("could not update customers: %w", errA)
	panic("insert into payments worked")
}
