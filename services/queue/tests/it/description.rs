//! The description of the routes.

use crate::hall::{Hall, rules};

#[tokio::test]
async fn every_route_is_described_and_every_description_has_its_route() {
    let hall = Hall::new(rules(1, 1)).await;
    urr_testkit::assert_described(
        &urr_queue::router(hall.state().await),
        &urr_queue::openapi(),
    );
}
