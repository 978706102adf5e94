<?php

namespace Shop\Orders;

class Queries
{
    public function eager()
    {
        return Order::with('customer:id,name')->get(); //> join Customer
    }

    public function has()
    {
        return Order::whereHas('customer', fn ($q) => $q->where('name', 'x'))->get(); //> join Customer
    }

    public function own()
    {
        return Order::where('customer_id', 1)->with(['items'])->get();
    }

    public function table()
    {
        DB::table('books')->where('id', 1)->update(['a' => 1]); //> write books
        return DB::select("select p.id from payments p where p.order_id = {$this->id}"); //> read payments
    }

    public function text()
    {
        throw new \Exception('Select from customers is not allowed; update books first');
    }
}
