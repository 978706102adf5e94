package shop.orders;

class Aggregate {
    @Query(nativeQuery = true, value =
        "select count(*) from books where stock > 0 ") //> read books
    List<Object[]> aggregate(long id);
}
