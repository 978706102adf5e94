module Crm
  class Address < ApplicationRecord
    self.table_name = 'customer_addresses'
  end
end
