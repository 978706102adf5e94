<?php

namespace Shop\Orders;

use Illuminate\Database\Eloquent\Model;
use Shop\Customers\Customer; //> import Customer

class Order extends Model
{
    protected $table = 'orders';

    public function customer()
    {
        return $this->belongsTo(Customer::class); //> relation Customer
    }
}
