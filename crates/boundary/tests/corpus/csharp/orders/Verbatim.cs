namespace Shop.Orders;

public class Verbatim {
    const string A = @"select ""id"" from ""authors"" where id = 1"; //> read authors
}
