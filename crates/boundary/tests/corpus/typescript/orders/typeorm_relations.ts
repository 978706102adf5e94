import { Order } from './order.entity';

export class Orders {
  constructor(@InjectRepository(Order) private readonly orders: Repository<Order>) {}

  all() {
    return this.orders.find({ relations: ['customer'] }); //> join Customer
  }

  one(id: number) {
    return this.orders.findOne({ where: { id }, relations: { customer: true } }); //> join Customer
  }

  built() {
    return this.orders.createQueryBuilder('o').leftJoinAndSelect('o.customer', 'c').getMany(); //> join Customer
  }

  plain() {
    return this.orders.find({ where: { state: 'customer' }, select: ['id'] });
  }
}
