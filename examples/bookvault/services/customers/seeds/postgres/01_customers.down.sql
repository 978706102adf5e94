-- Written by seeds/generate.py from seeds/customers.txt; change those, not this file.

DELETE FROM customers
WHERE customer_id BETWEEN 1 AND 40
  AND NOT EXISTS (SELECT 1 FROM customer_addresses WHERE customer_addresses.customer_id = customers.customer_id)
  AND NOT EXISTS (SELECT 1 FROM customer_preferences WHERE customer_preferences.customer_id = customers.customer_id);
