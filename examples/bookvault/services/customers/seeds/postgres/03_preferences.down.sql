-- Written by seeds/generate.py from seeds/customers.txt; change those, not this file.

DELETE FROM customer_preferences
WHERE customer_id BETWEEN 1 AND 40;
