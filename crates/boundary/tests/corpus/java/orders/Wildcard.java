package shop.orders;

import shop.customers.*;

class Wildcard {
    Customer customer; //> import Customer
}
