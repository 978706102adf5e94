-- Written by seeds/generate.py from seeds/customers.txt; change those, not this file.

DELETE FROM payment_methods
WHERE payment_method_id BETWEEN 1 AND 40
  AND NOT EXISTS (SELECT 1 FROM payments WHERE payments.payment_method_id = payment_methods.payment_method_id);
