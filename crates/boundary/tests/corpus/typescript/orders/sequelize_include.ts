const Cart = sequelize.define('Cart', { id: 1 }, { tableName: 'orders' });

export const a = () => Cart.findAll({ include: ['Author'] }); //> join Author
export const b = () => Cart.findAll({ where: { include: 1 }, attributes: ['Author'] });
