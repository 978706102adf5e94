def upgrade():
    op.create_foreign_key("fk", "orders", "customers", ["customer_id"], ["id"])  #> foreign-key customers
