import logging

logging.info("update customers set in the settings")
A = "Deleted from books"
raise ValueError("select one from customers, then go on")
