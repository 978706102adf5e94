export async function f(prisma: any) {
  await prisma.$queryRaw`select id from books where id = ${1}`; //> read books
}
