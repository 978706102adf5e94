<?php

namespace Shop\Orders;

use Doctrine\ORM\Mapping as ORM;
use Shop\Customers\Account; //> import Account

#[ORM\Entity]
#[ORM\Table(name: 'orders')]
class Purchase
{
    #[ORM\ManyToOne(targetEntity: Account::class)] //> relation Account
    private Account $account;
}
