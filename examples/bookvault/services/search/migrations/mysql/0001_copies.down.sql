DROP TABLE title_copy;
DROP TABLE country_copy;
DROP TABLE order_line_copy;
DROP TABLE order_copy;
