package shop.orders;

import shop.customers.CustomerRepository; //> import CustomerRepository

class RepositoryOfAnother {}
