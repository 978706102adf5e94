class Finder
  def call(id)
    Customer.find(id) #> import Customer
  end
end
