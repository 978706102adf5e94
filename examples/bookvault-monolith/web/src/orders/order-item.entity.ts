import { Column, Entity, ManyToOne, PrimaryColumn } from 'typeorm';
import { Order } from './order.entity';

@Entity('order_items')
export class OrderItem {
  @PrimaryColumn() order_item_id: number;
  @Column() book_id: number;
  @ManyToOne(() => Order) order: Order;
}
