-- name: WithCustomer :many
select o.id, c.email from orders o
join customers c on c.id = o.customer_id; --> join customers
-- name: Own :one
select id from orders where id = $1;
