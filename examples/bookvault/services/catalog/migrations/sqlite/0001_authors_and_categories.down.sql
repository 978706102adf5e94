DROP TABLE categories;
DROP TABLE authors;
