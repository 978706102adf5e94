create procedure close_order @id int as
begin
  update orders set state = 1 where id = @id;
  insert into refunds (id) select id from payments where order_id = @id; --> view refunds; view payments
end;
