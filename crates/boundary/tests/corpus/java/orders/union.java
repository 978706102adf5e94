package shop.orders;

class Union {
    @Query(nativeQuery = true, value =
        "select id, total from orders " +
        "union all select id, amount from refunds where id > 1 ") //> read refunds
    List<Object[]> union(long id);
}
