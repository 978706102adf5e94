from orders.models import Order


def f(name, ids):
    a = Order.objects.filter(customer__name=name)  #> join Customer
    b = Order.objects.select_related("customer").all()  #> join Customer
    c = Order.objects.exclude(id=1).values_list("customer__email", flat=True)  #> join Customer
    d = Order.objects.filter(customer_id=1, customer__id__in=ids, customer__isnull=True)
    e = Order.objects.filter(total__gt=1, note="customer__name").order_by("-total")
    return a, b, c, d, e


def g(customer):
    return customer.order__total, dict(customer__name=1)
