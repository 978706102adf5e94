<?php

namespace Shop\Customers;

use Doctrine\ORM\Mapping as ORM;

#[ORM\Entity]
#[ORM\Table(name: 'customer_addresses')]
class Account
{
    #[ORM\Id]
    private int $id;
}
