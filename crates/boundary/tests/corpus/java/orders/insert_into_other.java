package shop.orders;

class InsertIntoOther {
    @Query(nativeQuery = true, value =
        "insert into customers (id, email) " + //> write customers
        "values (1, 2) ")
    List<Object[]> insert_into_other(long id);
}
