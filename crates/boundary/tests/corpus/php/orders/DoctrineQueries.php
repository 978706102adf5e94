<?php

namespace Shop\Orders;

class DoctrineQueries
{
    public function built($em)
    {
        return $em->createQueryBuilder()
            ->select('p')
            ->from(Purchase::class, 'p')
            ->leftJoin('p.account', 'a') //> join Account
            ->getQuery();
    }

    public function dql($em)
    {
        return $em->createQuery('SELECT p FROM Shop\Orders\Purchase p WHERE p.account.name = 1'); //> join Account
    }

    public function own($em)
    {
        return $em->createQueryBuilder()->select('p')->from(Purchase::class, 'p')->where('p.account = 1');
    }
}
