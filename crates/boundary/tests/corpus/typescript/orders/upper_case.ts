export async function upper_case(db: any, id: number) {
  return db.execute(sql`
    SELECT O.ID FROM ORDERS O
    JOIN CUSTOMERS C ON C.ID = O.CUSTOMER_ID --> join CUSTOMERS
    ORDER BY O.ID
    -- ${id}
  `);
}
