def upper_case(db):
    return db.execute("SELECT O.ID FROM ORDERS O JOIN CUSTOMERS C ON C.ID = O.CUSTOMER_ID ORDER BY O.ID") #> join CUSTOMERS
