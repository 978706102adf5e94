namespace Shop.Orders;

public class DeleteOtherQuery {
    public void DeleteOther(IDbConnection db) {
        var sql = new StringBuilder();
        sql.Append("delete from payments where order_id = 1 "); //> write payments
        db.Execute(sql.ToString());
    }
}
