export const a = 'Update customers failed, select another from the list';
export const b = 'removed from books';
console.log('insert into payments worked');
throw new Error(`Could not delete from customers: try again`);
it('joins customers and selects from books', () => {});
