class Order < ApplicationRecord
  belongs_to :customer #> relation Customer
  has_many :items, class_name: 'OrderItem'
end
