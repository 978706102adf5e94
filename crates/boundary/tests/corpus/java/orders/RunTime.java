package shop.orders;

class RunTime {
    void f(String table) { jdbc.query("select id from " + table + " where id = 1", mapper); }
}
