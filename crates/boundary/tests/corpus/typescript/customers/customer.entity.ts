@Entity('customers')
export class Customer {
  @PrimaryGeneratedColumn() id: number;
  @OneToMany(() => Order, (order) => order.customer) orders: Order[]; //> relation Order
}
import { Order } from '../orders/order.entity'; //> import Order
