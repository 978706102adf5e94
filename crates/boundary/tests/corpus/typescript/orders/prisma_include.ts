import { PrismaClient } from '@prisma/client';

export async function f(prisma: PrismaClient) {
  await prisma.prismaOrder.findMany({ include: { customer: true } }); //> join PrismaCustomer
  await prisma.prismaOrder.findMany({
    where: { customer: { name: 'x' } }, //> join PrismaCustomer
    include: { items: { include: { book: { select: { title: true } } } } }, //> join PrismaBook
  });
  await prisma.prismaOrder.findFirst({ include: { items: true, customer: false }, where: { id: 1 } });
  await prisma.prismaCustomer.findUnique({ where: { id: 1 } }); //> read PrismaCustomer
  await prisma.prismaOrder.findMany({ where: { state: { in: ['customer'] } } });
}
