import { CustomerRepository } from '../customers/customer.repository'; //> import CustomerRepository
export class Placing { constructor(private readonly customers: CustomerRepository) {} }
