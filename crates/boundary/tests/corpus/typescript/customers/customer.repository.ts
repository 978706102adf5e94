import { Customer } from './customer.entity';
export class CustomerRepository extends Repository<Customer> {}
