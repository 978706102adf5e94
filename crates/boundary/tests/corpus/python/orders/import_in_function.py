def f():
    from customers.models import Customer  #> import Customer

    return Customer
