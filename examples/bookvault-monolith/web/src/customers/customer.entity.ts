import { Column, Entity, OneToMany, PrimaryColumn } from 'typeorm';
import { Order } from '../orders/order.entity';

@Entity('customers')
export class Customer {
  @PrimaryColumn() customer_id: number;
  @Column() email: string;
  @Column() name: string;
  @Column() is_active: boolean;

  @OneToMany(() => Order, (order) => order.customer)
  orders: Order[];
}
