//! Artists looked up at a server that answers as Spotify documents it.

use std::sync::Arc;

use axum::{
    Form, Json, Router,
    extract::{Query, State},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use parking_lot::Mutex;
use serde_json::{Value, json};
use std::collections::HashMap;
use urr_contract::UserId;

use crate::app::App;

/// `id:secret` in Base64.
const BASIC: &str = "Basic aWQ6c2VjcmV0";

/// Spotify, with the names it was asked for.
#[derive(Clone, Default)]
struct Spotify {
    asked: Arc<Mutex<Vec<String>>>,
}

impl Spotify {
    async fn serve(&self) -> String {
        let router = Router::new()
            .route("/api/token", post(token))
            .route("/v1/search", get(search))
            .with_state(self.clone());
        urr_testkit::serve(router).await
    }
}

async fn token(headers: HeaderMap, Form(form): Form<HashMap<String, String>>) -> Response {
    if headers["authorization"] != BASIC || form["grant_type"] != "client_credentials" {
        let refusal = json!({"error": "invalid_client", "error_description": "Invalid client"});
        return (StatusCode::BAD_REQUEST, Json(refusal)).into_response();
    }
    Json(json!({"access_token": "NgCXRKc", "token_type": "Bearer", "expires_in": 3600}))
        .into_response()
}

async fn search(
    State(spotify): State<Spotify>,
    headers: HeaderMap,
    Query(query): Query<HashMap<String, String>>,
) -> Response {
    assert_eq!(headers["authorization"], "Bearer NgCXRKc");
    assert_eq!(query["type"], "artist");
    let name = query["q"].clone();
    spotify.asked.lock().push(name.clone());
    let items = match name.as_str() {
        "Too Many" => return StatusCode::TOO_MANY_REQUESTS.into_response(),
        "Nobody & Co" => json!([]),
        name => json!([{
            "external_urls": {"spotify": "https://open.spotify.com/artist/3HqSLMAZ3g3d5poNaI7GOU"},
            "followers": {"href": null, "total": 7_000_000},
            "genres": ["k-pop", "k-ballad"],
            "href": "https://api.spotify.com/v1/artists/3HqSLMAZ3g3d5poNaI7GOU",
            "id": "3HqSLMAZ3g3d5poNaI7GOU",
            "images": [
                {"url": "https://i.scdn.co/image/large", "height": 640, "width": 640},
                {"url": "https://i.scdn.co/image/small", "height": 160, "width": 160}
            ],
            "name": name,
            "popularity": 70,
            "type": "artist",
            "uri": "spotify:artist:3HqSLMAZ3g3d5poNaI7GOU"
        }]),
    };
    Json(
        json!({"artists": {"href": "https://api.spotify.com/v1/search", "limit": 5, "next": null,
                            "offset": 0, "previous": null, "total": 1, "items": items}}),
    )
    .into_response()
}

async fn app(url: &str, secret: &str) -> App {
    let secret = format!("--spotify-client-secret={secret}");
    let (accounts, api) = ("--spotify-accounts-url", "--spotify-api-url");
    App::start_with(&["--spotify-client-id=id", &secret, accounts, url, api, url]).await
}

async fn artists(app: &App, names: &[&str]) {
    for name in names {
        sqlx::query!("insert into artists (name) values ($1)", name)
            .execute(&app.pool)
            .await
            .unwrap();
    }
}

async fn enrich(app: &App) -> Value {
    let answer = app.admin().post("/api/artists/enrich", Value::Null).await;
    answer.expect(200).body
}

#[tokio::test]
async fn without_an_account_nobody_is_looked_up_and_only_administrators_ask() {
    let app = App::start_with(&[]).await;
    let not_configured = json!({"message": "Spotify credentials not configured", "enriched": 0});
    assert_eq!(enrich(&app).await, not_configured);
    app.client
        .post("/api/artists/enrich", Value::Null)
        .await
        .expect(401);
    let fan = app.client.as_user(UserId::random());
    fan.post("/api/artists/enrich", Value::Null)
        .await
        .expect(403);
}

#[tokio::test]
async fn what_is_missing_is_filled_in_and_what_is_there_stays() {
    let spotify = Spotify::default();
    let app = app(&spotify.serve().await, "secret").await;
    artists(&app, &["아이유", "Nobody & Co"]).await;
    let known = "insert into artists (name, image_url, description) values ('Known', 'https://x/y', 'Ours')";
    sqlx::raw_sql(known).execute(&app.pool).await.unwrap();
    sqlx::raw_sql("insert into artists (name, description) values ('Half', 'Ours')")
        .execute(&app.pool)
        .await
        .unwrap();

    let done = json!({"message": "Artist enrichment complete", "enriched": 2, "total": 3});
    assert_eq!(enrich(&app).await, done);
    let list = app.client.get("/api/artists").await.expect(200).body;
    let of = |name: &str| {
        let mut artists = list["artists"].as_array().unwrap().iter();
        let artist = artists.find(|artist| artist["name"] == name).unwrap();
        (artist["image_url"].clone(), artist["description"].clone())
    };
    let image = json!("https://i.scdn.co/image/large");
    assert_eq!(of("아이유"), (image.clone(), json!("k-pop, k-ballad")));
    assert_eq!(of("Half"), (image, json!("Ours")));
    assert_eq!(of("Known"), (json!("https://x/y"), json!("Ours")));
    assert_eq!(of("Nobody & Co"), (Value::Null, Value::Null));
    let logs = app
        .admin()
        .get("/api/admin/audit-logs")
        .await
        .expect(200)
        .body;
    assert_eq!(logs["logs"][0]["action"], "ENRICH_ARTISTS");
}

#[tokio::test]
async fn a_run_that_is_stopped_is_taken_up_where_it_ended() {
    let spotify = Spotify::default();
    let app = app(&spotify.serve().await, "secret").await;
    artists(&app, &["A", "Too Many", "Z"]).await;
    let first = enrich(&app).await;
    assert_eq!(first["enriched"], 1);
    assert_eq!(first["total"], 1);
    let message = first["message"].as_str().unwrap();
    assert!(
        message.starts_with("Artist enrichment stopped: "),
        "{message}"
    );
    let second = enrich(&app).await;
    assert_eq!(second["enriched"], 1);
    let asked = spotify.asked.lock().clone();
    assert_eq!(asked, ["A", "Too Many", "Z", "Too Many"]);
}

#[tokio::test]
async fn a_wrong_secret_and_a_spotify_that_is_away_are_said() {
    let spotify = Spotify::default();
    let url = spotify.serve().await;
    for (url, secret) in [(url.as_str(), "wrong"), ("http://127.0.0.1:9", "secret")] {
        let app = app(url, secret).await;
        artists(&app, &["A"]).await;
        let answer = enrich(&app).await;
        let message = answer["message"].as_str().unwrap();
        assert!(
            message.starts_with("Spotify authentication failed: "),
            "{message}"
        );
        assert_eq!(answer["enriched"], 0);
    }
    assert!(spotify.asked.lock().is_empty());
}
