from customers import models


def f():
    return models.Customer.objects.all()  #> import Customer
