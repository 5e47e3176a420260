//! One recorded exchange, and sending it again.

use std::{collections::BTreeMap, fs, path::Path};

use reqwest::{Method, redirect::Policy};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A request and the answer to it.
#[derive(Debug, Deserialize)]
pub(super) struct Exchange {
    /// Number and purpose, as `074-reserve`.
    #[serde(skip)]
    pub(super) name: String,
    pub(super) request: Request,
    pub(super) response: Answer,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Request {
    pub(super) method: String,
    /// `gateway`, or the service that was called past it.
    pub(super) to: String,
    pub(super) path: String,
    #[serde(default)]
    pub(super) headers: BTreeMap<String, String>,
    /// A text is sent as it is, everything else as JSON.
    #[serde(default)]
    pub(super) body: Value,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Answer {
    pub(super) status: u16,
    /// By lower-case name.
    #[serde(default)]
    pub(super) headers: BTreeMap<String, Vec<String>>,
    /// JSON, or else the text.
    #[serde(default)]
    pub(super) body: Value,
}

/// All exchanges, in their order.
pub(super) fn all() -> Vec<Exchange> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/transcripts/exchanges");
    let mut exchanges: Vec<Exchange> = fs::read_dir(folder)
        .expect("the folder of exchanges")
        .map(|file| read(&file.expect("a file").path()))
        .collect();
    exchanges.sort_by(|one, other| one.name.cmp(&other.name));
    exchanges
}

/// The exchange of that number.
pub(super) fn of(number: &str) -> Exchange {
    let mut exchanges = all().into_iter();
    let found = exchanges.find(|exchange| exchange.number() == number);
    found.expect("an exchange of that number")
}

fn read(path: &Path) -> Exchange {
    let text = fs::read_to_string(path).expect("a text");
    let exchange = serde_json::from_str(&text).expect("an exchange");
    let name = path.file_stem().expect("a name").to_string_lossy();
    Exchange {
        name: name.into_owned(),
        ..exchange
    }
}

impl Exchange {
    /// Its number.
    pub(super) fn number(&self) -> &str {
        &self.name[..3]
    }
}

/// Sends requests to a platform.
pub(super) struct Sender {
    client: reqwest::Client,
    addresses: BTreeMap<String, String>,
}

impl Sender {
    /// To the platform that is at these addresses.
    pub(super) fn new(addresses: BTreeMap<String, String>) -> Self {
        let client = reqwest::Client::builder().redirect(Policy::none());
        Self {
            client: client.build().expect("a client"),
            addresses,
        }
    }

    /// Sends it and reads the answer.
    pub(super) async fn send(&self, request: &Request) -> Answer {
        let url = format!("{}{}", self.address(&request.to), request.path);
        let method: Method = request.method.parse().expect("a method");
        let mut sent = self.client.request(method, url);
        for (name, value) in &request.headers {
            sent = sent.header(name, value);
        }
        let sent = match &request.body {
            Value::Null => sent,
            Value::String(text) => sent.body(text.clone()),
            json => sent.body(json.to_string()),
        };
        Answer::read(sent.send().await.expect("an answer")).await
    }

    fn address(&self, name: &str) -> &str {
        let variable = match name {
            "gateway" => "GATEWAY_URL",
            "ticket" => "TICKET_SERVICE_URL",
            "payment" => "PAYMENT_SERVICE_URL",
            "toss-simulator" => "PAYMENT_PROVIDER_URL",
            other => unreachable!("nobody of that name is called: {other}"),
        };
        &self.addresses[variable]
    }
}

impl Answer {
    async fn read(response: reqwest::Response) -> Self {
        let mut headers: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (name, value) in response.headers() {
            let value = value.to_str().expect("a text").to_owned();
            headers.entry(name.to_string()).or_default().push(value);
        }
        let status = response.status().as_u16();
        let text = response.text().await.expect("a body");
        let body = match text.as_str() {
            "" => Value::Null,
            text => serde_json::from_str(text).unwrap_or_else(|_| text.into()),
        };
        Self {
            status,
            headers,
            body,
        }
    }
}
