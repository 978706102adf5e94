DROP TABLE product_inventory;
