//! Queries by SeaORM: a case of the corpus, read by the checker and never compiled.

use crate::customers::customer;
use sea_orm::EntityTrait;

pub async fn f(db: &DatabaseConnection) {
    customer::Entity::find().all(db).await; //> read customer
    customer::Entity::delete_by_id(1).exec(db).await; //> write customer
    println!("customer::Entity::find()");
}
