//! The description of the routes.

use urr_testkit::{assert_described, gateway_token};

use crate::App;

#[tokio::test]
async fn every_route_is_described_and_every_description_has_its_route() {
    let app = App::new().await;
    let router = urr_payment::router(app.state, gateway_token());
    assert_described(&router, &urr_payment::openapi());
}
