package shop.orders;

import shop.customers.Address; //> import Address

class EntityByConstant {}
