//! Spotify's catalogue: what it knows of an artist.

use std::time::Duration;

use anyhow::Context;
use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use http::{
    Request, Response, StatusCode, Uri,
    header::{AUTHORIZATION, CONTENT_TYPE},
};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, de::DeserializeOwned};
use urr_kit::{config::parse_secret, outbound::Outbound};

/// How long one answer may take.
const TIMEOUT: Duration = Duration::from_secs(3);
/// Hits among which one of exactly that name is looked for.
const HITS: u8 = 5;

/// The account at Spotify.
#[derive(clap::Args, Clone, Debug)]
pub struct SpotifyArgs {
    /// Id of the application at Spotify; where empty, nobody is looked up.
    #[arg(
        long,
        env = "SPOTIFY_CLIENT_ID",
        default_value = "",
        hide_env_values = true
    )]
    pub spotify_client_id: String,
    /// Secret of the application. `@/path` reads it from a file.
    #[arg(long, env = "SPOTIFY_CLIENT_SECRET", default_value = "", hide_env_values = true,
          value_parser = parse_optional_secret)]
    pub spotify_client_secret: SecretString,
    /// Base URL of Spotify's accounts.
    #[arg(
        long,
        env = "SPOTIFY_ACCOUNTS_URL",
        default_value = "https://accounts.spotify.com",
        hide_env_values = true
    )]
    pub spotify_accounts_url: Uri,
    /// Base URL of Spotify's catalogue.
    #[arg(
        long,
        env = "SPOTIFY_API_URL",
        default_value = "https://api.spotify.com",
        hide_env_values = true
    )]
    pub spotify_api_url: Uri,
}

fn parse_optional_secret(text: &str) -> anyhow::Result<SecretString> {
    match text {
        "" => Ok(String::new().into()),
        text => parse_secret(text),
    }
}

/// What the catalogue says of an artist.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Portrait {
    /// Their picture.
    pub image_url: Option<String>,
    /// Their genres.
    pub genres: Vec<String>,
}

/// The catalogue, opened for a while.
#[derive(Debug)]
pub struct Catalogue {
    client: Outbound,
    search_url: String,
    bearer: String,
}

#[derive(Deserialize)]
struct Token {
    access_token: String,
}

#[derive(Deserialize)]
struct Found {
    artists: Hits,
}

#[derive(Deserialize)]
struct Hits {
    items: Vec<Hit>,
}

#[derive(Deserialize)]
struct Hit {
    name: String,
    #[serde(default)]
    genres: Vec<String>,
    #[serde(default)]
    images: Vec<Image>,
}

#[derive(Deserialize)]
struct Image {
    url: String,
    #[serde(default)]
    width: Option<u32>,
}

impl SpotifyArgs {
    /// Whether there is an account.
    pub fn is_configured(&self) -> bool {
        !self.spotify_client_id.is_empty() && !self.spotify_client_secret.expose_secret().is_empty()
    }

    /// Signs the application in.
    pub async fn open(&self) -> anyhow::Result<Catalogue> {
        let url = below(&self.spotify_accounts_url, "/api/token");
        let secret = self.spotify_client_secret.expose_secret();
        let basic = STANDARD.encode(format!("{}:{secret}", self.spotify_client_id));
        let request = Request::post(url)
            .header(AUTHORIZATION, format!("Basic {basic}"))
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(Bytes::from_static(b"grant_type=client_credentials"))?;
        let accounts = Outbound::to(&self.spotify_accounts_url)?;
        let Token { access_token } = read(&accounts.send(request, TIMEOUT).await?)?;
        Ok(Catalogue {
            client: Outbound::to(&self.spotify_api_url)?,
            search_url: below(&self.spotify_api_url, "/v1/search"),
            bearer: format!("Bearer {access_token}"),
        })
    }
}

impl Catalogue {
    /// What it says of the artist of that name; an empty portrait of one that it does not know.
    pub async fn portrait(&self, name: &str) -> anyhow::Result<Portrait> {
        let query = form_urlencoded::Serializer::new(String::new())
            .append_pair("q", name)
            .append_pair("type", "artist")
            .append_pair("limit", &HITS.to_string())
            .finish();
        let request = Request::get(format!("{}?{query}", self.search_url))
            .header(AUTHORIZATION, &self.bearer)
            .body(Bytes::new())?;
        let found: Found = read(&self.client.send(request, TIMEOUT).await?)?;
        Ok(best(found.artists.items, name))
    }
}

/// The hit of exactly that name, else the first, which is Spotify's own best guess: many
/// artists are known there by another spelling.
fn best(mut hits: Vec<Hit>, name: &str) -> Portrait {
    let is_named = |hit: &Hit| hit.name.to_lowercase() == name.to_lowercase();
    let place = hits.iter().position(is_named).unwrap_or(0);
    if hits.is_empty() {
        return Portrait::default();
    }
    let Hit { genres, images, .. } = hits.swap_remove(place);
    let images = images.into_iter();
    let images = images.filter(|image| image.url.starts_with("https://"));
    let largest = images.max_by_key(|image| image.width);
    Portrait {
        image_url: largest.map(|image| image.url),
        genres,
    }
}

fn below(base: &Uri, path: &str) -> String {
    base.to_string().trim_end_matches('/').to_owned() + path
}

fn read<T: DeserializeOwned>(answer: &Response<Bytes>) -> anyhow::Result<T> {
    let status = answer.status();
    anyhow::ensure!(status == StatusCode::OK, "it answers {status}");
    serde_json::from_slice(answer.body()).context("its answer is not understood")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn portrait(items: serde_json::Value, name: &str) -> Portrait {
        best(serde_json::from_value(items).unwrap(), name)
    }

    #[test]
    fn the_hit_of_that_name_wins_and_else_the_first() {
        let hits = json!([
            {"name": "IU", "genres": ["k-pop"], "images": []},
            {"name": "Uaena", "genres": ["cover"]},
        ]);
        assert_eq!(portrait(hits.clone(), "uaena").genres, ["cover"]);
        assert_eq!(portrait(hits, "아이유").genres, ["k-pop"]);
        assert_eq!(portrait(json!([]), "nobody"), Portrait::default());
    }

    #[test]
    fn the_largest_picture_that_is_safe_to_show_is_taken() {
        let hits = json!([{"name": "IU", "images": [
            {"url": "https://i.scdn.co/small", "width": 64, "height": 64},
            {"url": "https://i.scdn.co/large", "width": 640, "height": 640},
            {"url": "javascript:alert(1)", "width": 9000, "height": 9000},
        ]}]);
        let image = portrait(hits, "IU").image_url;
        assert_eq!(image.as_deref(), Some("https://i.scdn.co/large"));
    }
}
