namespace Shop.Orders;

public class SystemTables { const string A = "select name from sys.tables where name = 'customers'"; }
