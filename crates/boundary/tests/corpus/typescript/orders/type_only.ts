import type { Customer } from '../customers/customer.entity'; //> type-import Customer
export const name = (customer: Customer) => customer.name;
