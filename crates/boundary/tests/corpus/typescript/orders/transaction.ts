export async function f(db: any) {
  await db.transaction(async (tx: any) => { //> transaction books
    await tx.query('insert into orders (id) values (1)');
    await tx.query('update books set stock = 0 where id = 1'); //> write books
  });
}
