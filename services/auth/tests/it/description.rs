//! The description of the routes.

use crate::app::App;

#[tokio::test]
async fn every_route_is_described_and_every_description_has_its_route() {
    let app = App::start().await;
    urr_testkit::assert_described(&urr_auth::router(app.state), &urr_auth::openapi());
}
