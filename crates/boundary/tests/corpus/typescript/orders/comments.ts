// db.query('select * from customers where id = 1')
/* select id from books join authors on true */
export const a = 1;
