import { Customer } from '../customers/customer.entity'; //> import Customer
@Entity({ name: 'orders' })
export class Order {
  @ManyToOne(() => Customer, (customer) => customer.orders) customer: Customer; //> relation Customer
}
