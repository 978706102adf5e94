namespace Shop.Orders;

public class RunTime { void F(IDbConnection db, string t) { db.Query($"select id from {t} where id = 1"); } }
