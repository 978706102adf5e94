namespace Shop.Orders;

public class UpperCaseQuery {
    public void UpperCase(IDbConnection db) {
        var sql = new StringBuilder();
        sql.Append("SELECT O.ID FROM ORDERS O ");
        sql.Append("JOIN CUSTOMERS C ON C.ID = O.CUSTOMER_ID "); //> join CUSTOMERS
        sql.Append("ORDER BY O.ID ");
        db.Execute(sql.ToString());
    }
}
