export const Tables = { CUSTOMERS: 'customers', ADDRESSES: 'customer_addresses' };
