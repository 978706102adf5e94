class Queries
  def a
    Order.joins(:customer).where(state: 1) #> join Customer
  end

  def b
    OrderItem.includes(order: :customer).to_a #> join Customer
  end

  def c
    Order.where(customer_id: 1).includes(:items).order(:customer_id)
  end

  def d
    ActiveRecord::Base.connection.execute(<<~SQL) #> join books@17
      SELECT b.title FROM orders o
      JOIN books b ON b.id = o.book_id
      WHERE o.id = #{id}
    SQL
  end

  def e
    Order.joins('LEFT JOIN payments p ON p.order_id = orders.id') #> join payments
  end

  def f
    logger.info("selects from customers, then updates books: #{Order.count}")
    I18n.t('customers.joins', from: :customer)
  end
end
