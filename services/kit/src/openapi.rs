//! The description of the HTTP surface, made from the handlers themselves.
//!
//! A handler says with `#[utoipa::path]` what is its own: summary, parameters, bodies, its
//! refusals. What is true of every handler is added here, by [`complete`]: what extractors,
//! identity and the layers of [`crate::serve`] refuse, and the shape of every refusal.
//!
//! A refusal is described by its status and a sentence that names its codes in backticks:
//! ``(status = 409, description = "`SEAT_TAKEN`: somebody was faster.")``. The codes become
//! the values that `code` may have, so whoever checks answers against the document checks
//! them too. The name of a field in backticks, `redirectTo`, says that the refusal has it.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use serde_json::{Map, Value, json};
use utoipa::{
    ToSchema,
    openapi::{Deprecated, OpenApi, Paths},
};
pub use utoipa_axum::{
    router::{OpenApiRouter, UtoipaMethodRouter, UtoipaMethodRouterExt},
    routes,
};

/// Name of the security scheme of an access token in `Authorization`. Its role `admin` is
/// an administrator's.
pub const BEARER: &str = "bearer";
/// Name of the security scheme of an access token in its cookie.
pub const SESSION_COOKIE: &str = "session";
/// Name of the security scheme of a device at a door.
pub const DEVICE: &str = "device";
/// Name of the security scheme of an entry token in its header.
pub const ENTRY: &str = "entry";
/// Name of the security scheme of an entry token in its cookie.
pub const ENTRY_COOKIE: &str = "entryCookie";

/// What stands in front of every path inside a service, and in the addresses of `servers`
/// in the document.
const PREFIX: &str = "/api";
/// Whether a handler words unreadable bodies itself is told by a code that begins so.
const OWN_UNREADABLE: &str = "UNREADABLE_INPUT";
/// The roles of [`BEARER`] that need an administrator.
const ADMIN: &str = "admin";

/// The same handlers at another path, for clients that know that one. There, their
/// operations are described as deprecated in favour of the first path.
pub fn at<S>(
    path: &str,
    (schemas, paths, handlers): UtoipaMethodRouter<S>,
) -> UtoipaMethodRouter<S> {
    let mut other = Paths::new();
    for (first, mut item) in paths.paths {
        let shown = first.strip_prefix(PREFIX).unwrap_or(&first);
        let operations = [
            &mut item.get,
            &mut item.put,
            &mut item.post,
            &mut item.patch,
            &mut item.delete,
        ];
        for operation in operations.into_iter().flatten() {
            operation.deprecated = Some(Deprecated::True);
            operation.description = Some(format!("The same as `{shown}`."));
            let id = operation.operation_id.take();
            operation.operation_id = id.map(|id| id + "AtOtherPath");
        }
        other.paths.insert(path.to_owned(), item);
    }
    (schemas, other, handlers)
}

/// The body of every refusal.
#[derive(Serialize, ToSchema)]
pub struct Refusal {
    /// What went wrong, for people. `message` says the same.
    #[schema(example = "Authentication required")]
    pub error: String,
    /// What went wrong, for people. `error` says the same.
    #[schema(example = "Authentication required")]
    pub message: String,
    /// What went wrong, for programs. Never changes; new ones may be added.
    #[schema(pattern = "^[A-Z][A-Z0-9_]*$", example = "AUTHENTICATION_REQUIRED")]
    pub code: String,
}

/// Codes by which an operation may be refused, by status.
type Refusals = BTreeMap<u16, BTreeSet<String>>;

/// One refusal that may come to every operation, whatever its handler does.
#[derive(Clone, Copy, Debug)]
pub struct Everywhere {
    /// Its status.
    pub status: u16,
    /// Its code.
    pub code: &'static str,
}

/// What the layers of a service may answer to any request.
const BY_EVERY_SERVICE: [Everywhere; 4] = [
    refusal(500, "INTERNAL_ERROR"),
    refusal(503, "DATABASE_UNAVAILABLE"),
    refusal(503, "PEER_UNAVAILABLE"),
    refusal(503, "REDIS_UNAVAILABLE"),
];

const fn refusal(status: u16, code: &'static str) -> Everywhere {
    Everywhere { status, code }
}

/// The document with everything that handlers need not say. `everywhere` is what whoever
/// stands in front of the services may answer to any request.
pub fn complete(api: &OpenApi, everywhere: &[Everywhere]) -> anyhow::Result<Value> {
    let mut document = serde_json::to_value(api)?;
    let paths = document["paths"].take();
    let Value::Object(paths) = paths else {
        anyhow::bail!("a document without paths");
    };
    let everywhere: Vec<_> = BY_EVERY_SERVICE.iter().chain(everywhere).collect();
    let mut completed = Map::new();
    let mut shared = Map::new();
    for (path, mut item) in paths {
        tell_methods_apart(&mut item);
        for operation in operations(&mut item) {
            describe_parameters(operation, &document["components"]["schemas"]);
            complete_operation(operation, &everywhere, &mut shared);
        }
        let path = path.strip_prefix(PREFIX).unwrap_or(&path).to_owned();
        completed.insert(path, item);
    }
    document["paths"] = Value::Object(completed);
    document["components"]["responses"] = Value::Object(shared);
    forbid_nulls(&mut document);
    Ok(document)
}

/// What a client must send is never null, although the type that takes it is an `Option`, so that
/// the handler words what is missing.
fn forbid_nulls(document: &mut Value) {
    let mut sent = BTreeSet::new();
    for item in document["paths"]
        .as_object()
        .into_iter()
        .flat_map(Map::values)
    {
        for operation in item.as_object().into_iter().flat_map(Map::values) {
            note_schemas(document, &operation["requestBody"], &mut sent);
        }
    }
    for name in sent {
        let path = format!("/components/schemas/{name}");
        let Some(schema) = document.pointer_mut(&path) else {
            continue;
        };
        let required = schema["required"].as_array().cloned().unwrap_or_default();
        for name in required.iter().filter_map(Value::as_str) {
            let field = schema.pointer_mut(&format!("/properties/{name}"));
            field.into_iter().for_each(forbid_null);
        }
    }
}

/// The names of all schemas that a part of the document refers to.
fn note_schemas(document: &Value, part: &Value, names: &mut BTreeSet<String>) {
    if let Some(name) = part["$ref"]
        .as_str()
        .and_then(|path| path.rsplit('/').next())
        && names.insert(name.to_owned())
    {
        note_schemas(document, &document["components"]["schemas"][name], names);
    }
    match part {
        Value::Array(parts) => parts
            .iter()
            .for_each(|part| note_schemas(document, part, names)),
        Value::Object(fields) => {
            fields
                .values()
                .for_each(|part| note_schemas(document, part, names));
        }
        _ => {}
    }
}

/// Takes `null` from what a field may be.
fn forbid_null(field: &mut Value) {
    if let Some(Value::Array(choices)) = field.get_mut("oneOf") {
        choices.retain(|one| one["type"] != "null");
    }
    if let Some(types) = field.get_mut("type")
        && let Some(only) = types
            .as_array()
            .and_then(|types| types.iter().find(|one| *one != "null"))
    {
        *types = only.clone();
    }
}

/// Gives the operations of one handler that answers to several methods a name each: the
/// first keeps the handler's, `changeThing`; another is called `changeThingByPut`.
fn tell_methods_apart(item: &mut Value) {
    let mut taken = BTreeSet::new();
    for (method, operation) in item.as_object_mut().into_iter().flatten() {
        let Some(name) = operation["operationId"].as_str().map(str::to_owned) else {
            continue;
        };
        if !taken.insert(name.clone()) {
            operation["operationId"] = json!(name + "By" + &capitalised(method));
        }
    }
}

/// The word with a capital and the rest in small letters.
fn capitalised(word: &str) -> String {
    let (first, rest) = word.split_at(word.len().min(1));
    first.to_uppercase() + &rest.to_lowercase()
}

/// An id in a path is what the schema of its type says.
fn describe_parameters(operation: &mut Map<String, Value>, schemas: &Value) {
    let parameters = operation
        .get_mut("parameters")
        .and_then(Value::as_array_mut);
    for parameter in parameters.into_iter().flatten() {
        let reference = parameter["schema"]["$ref"].as_str();
        let name = reference.and_then(|path| path.rsplit('/').next());
        let meaning = name.map_or(&Value::Null, |name| &schemas[name]["description"]);
        if meaning.is_string() && parameter.get("description").is_none() {
            parameter["description"] = meaning.clone();
        }
    }
}

/// The operations of a path.
fn operations(item: &mut Value) -> impl Iterator<Item = &mut Map<String, Value>> {
    const METHODS: [&str; 5] = ["get", "post", "put", "patch", "delete"];
    item.as_object_mut()
        .into_iter()
        .flat_map(Map::iter_mut)
        .filter(|(key, _)| METHODS.contains(&key.as_str()))
        .filter_map(|(_, operation)| operation.as_object_mut())
}

/// Adds what the handler did not say. Refusals that it has no part in are described once for
/// all operations, in `shared`.
fn complete_operation(
    operation: &mut Map<String, Value>,
    everywhere: &[&Everywhere],
    shared: &mut Map<String, Value>,
) {
    let own = own_refusals(operation);
    let mut refusals = own.clone();
    add_extractors(operation, &mut refusals);
    add_identity(operation, &mut refusals);
    let mut names = refusals.clone();
    names.retain(|status, _| !own.contains_key(status));
    for Everywhere { status, code } in everywhere {
        note(&mut refusals, *status, code);
        if !own.contains_key(status) {
            names.entry(*status).or_default();
        }
    }
    for (status, codes) in refusals {
        let response = &mut operation["responses"][status.to_string()];
        if let Some(special) = names.get(&status) {
            let name = shared_name(status, special);
            *response = json!({"$ref": format!("#/components/responses/{name}")});
            describe(shared.entry(name).or_insert(Value::Null), status, &codes);
        } else {
            describe(response, status, &codes);
        }
    }
    widen_security(operation);
}

/// `Refused400InvalidPath`: the status, and the codes that not every operation has.
fn shared_name(status: u16, special: &BTreeSet<String>) -> String {
    let words = special.iter().flat_map(|code| code.split('_'));
    format!("Refused{status}") + &words.map(capitalised).collect::<String>()
}

fn note(refusals: &mut Refusals, status: u16, code: &str) {
    refusals.entry(status).or_default().insert(code.to_owned());
}

/// What the handler says of itself.
fn own_refusals(operation: &Map<String, Value>) -> Refusals {
    let responses = operation.get("responses").and_then(Value::as_object);
    responses
        .into_iter()
        .flatten()
        .filter_map(|(status, response)| Some((status.parse().ok()?, response)))
        .filter(|(status, _): &(u16, _)| *status >= 400)
        .map(|(status, response)| {
            let text = response["description"].as_str().unwrap_or_default();
            (status, codes_in(text))
        })
        .collect()
}

/// The words in capitals between backticks.
fn codes_in(text: &str) -> BTreeSet<String> {
    let is_code = |word: &str| {
        word.starts_with(|first: char| first.is_ascii_uppercase())
            && word
                .bytes()
                .all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_')
    };
    let codes = quoted(text).filter(|word| is_code(word));
    codes.map(str::to_owned).collect()
}

/// What stands between backticks.
fn quoted(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

/// What a field of a refusal says, beside those that every refusal has; `None` where it is none.
fn field(name: &str) -> Option<Value> {
    let time = |description| json!({"type": ["string", "null"], "format": "date-time", "description": description});
    Some(match name {
        "lobbyOpensAt" => time("When people may line up; null while that is not known."),
        "maxPerPerson" => json!({
            "type": "integer",
            "description": "How many tickets of the event one person may have.",
        }),
        "missing" => json!({
            "type": "array",
            "items": {"type": "string"},
            "description": "Names of the services that did not answer.",
        }),
        "openMatters" => json!({
            "type": "array",
            "items": {
                "type": "object",
                "required": ["code", "detail", "count"],
                "properties": {
                    "code": {"type": "string", "description": "What it is, for programs."},
                    "detail": {"type": "string", "description": "What it is and what to do about it, for people."},
                    "count": {"type": "integer", "minimum": 1, "description": "How many there are."},
                },
            },
            "description": "What must come to its end first.",
        }),
        "opensAt" => time("When the sale opens for this person; null while that is not known."),
        "owner" => json!({"type": "string", "description": "Where it is declared."}),
        "redirectTo" => json!({
            "type": "string",
            "description": "Path of the page on which to queue.",
            "examples": ["/queue"],
        }),
        "saleStatus" => json!({"type": "string", "description": "Where the sale stands."}),
        "signInRequired" => json!({
            "type": "boolean",
            "description": "Whether signing in may change the answer.",
        }),
        "tier" => json!({"type": "string", "description": "The person's tier of membership."}),
        _ => return None,
    })
}

/// What [`crate::extract`] refuses.
fn add_extractors(operation: &Map<String, Value>, refusals: &mut Refusals) {
    let has_parameter = |place: &str| {
        let parameters = operation.get("parameters").and_then(Value::as_array);
        parameters
            .into_iter()
            .flatten()
            .any(|parameter| parameter["in"] == place && parameter["schema"]["type"] != "string")
    };
    if has_parameter("path") {
        note(refusals, 400, "INVALID_PATH");
    }
    if has_parameter("query") {
        note(refusals, 400, "INVALID_QUERY");
    }
    if operation.contains_key("requestBody") {
        note(refusals, 413, "BODY_TOO_LARGE");
        let wrong = refusals.entry(400).or_default();
        if !wrong.contains(OWN_UNREADABLE) {
            wrong.extend(["INVALID_FIELD", "MALFORMED_JSON", "UNREADABLE_BODY"].map(str::to_owned));
        }
    }
}

/// What is refused to the wrong people.
fn add_identity(operation: &Map<String, Value>, refusals: &mut Refusals) {
    let Some(requirements) = operation.get("security").and_then(Value::as_array) else {
        return;
    };
    let needs = |scheme: &str| {
        !requirements.is_empty() && requirements.iter().all(|one| one.get(scheme).is_some())
    };
    if needs(BEARER) {
        note(refusals, 401, "AUTHENTICATION_REQUIRED");
    }
    if needs(ENTRY) {
        note(refusals, 403, "ENTRY_TOKEN_REQUIRED");
    }
    let roles = requirements.iter().filter_map(|one| one[BEARER].as_array());
    if roles.flatten().any(|role| role == ADMIN) {
        note(refusals, 403, "ADMIN_ROLE_REQUIRED");
    }
}

/// Writes the shape of a refusal, beside what the handler said of it.
fn describe(response: &mut Value, status: u16, codes: &BTreeSet<String>) {
    if response["description"].as_str().is_none_or(str::is_empty) {
        response["description"] = json!(meaning(status));
    }
    let text = response["description"].as_str().unwrap_or_default();
    let mut fields: Map<_, _> = quoted(text)
        .filter_map(|name| Some((name.to_owned(), field(name)?)))
        .collect();
    fields.insert("code".to_owned(), json!({"enum": codes}));
    response["content"]["application/json"]["schema"] = json!({
        "allOf": [
            {"$ref": "#/components/schemas/Refusal"},
            {"type": "object", "properties": fields},
        ],
    });
    if [429, 503].contains(&status) {
        response["headers"]["Retry-After"] = json!({
            "description": "Seconds after which to try again.",
            "required": true,
            "schema": {"type": "integer", "minimum": 1},
        });
    }
}

/// What a status means where nobody says more.
fn meaning(status: u16) -> &'static str {
    match status {
        400 => "The request is wrong. Not again unchanged.",
        401 => "Nobody is signed in, or the token has ended.",
        403 => "Not for this person.",
        404 => "There is no such thing, or not for this person.",
        408 => "The body did not arrive in time.",
        409 => "The state of things forbids it.",
        413 => "The body is too large.",
        414 => "The path is too long.",
        429 => "Too many requests. Wait as long as `Retry-After` says.",
        500 => "Our mistake. It is logged.",
        503 => "Not now. Wait as long as `Retry-After` says.",
        504 => "A service did not answer in time. It may have done what was asked.",
        _ => "Refused.",
    }
}

/// Every way to show a token that is asked for: a header or a cookie.
fn widen_security(operation: &mut Map<String, Value>) {
    let Some(requirements) = operation.get_mut("security").and_then(Value::as_array_mut) else {
        return;
    };
    for (header, cookie) in [(BEARER, SESSION_COOKIE), (ENTRY, ENTRY_COOKIE)] {
        let by_cookie: Vec<_> = requirements
            .iter()
            .filter_map(Value::as_object)
            .filter_map(|requirement| {
                let mut other = requirement.clone();
                let roles = other.remove(header)?;
                other.insert(cookie.to_owned(), roles);
                Some(Value::Object(other))
            })
            .collect();
        requirements.extend(by_cookie);
    }
}

#[cfg(test)]
mod tests {
    use urr_contract::EventId;
    use utoipa::OpenApi as _;

    use super::*;

    #[derive(utoipa::OpenApi)]
    #[openapi(paths(take, look, change), components(schemas(Refusal, Wish)))]
    struct Api;

    #[derive(ToSchema)]
    #[expect(dead_code, reason = "only its description is looked at")]
    struct Wish {
        #[schema(required)]
        what: Option<String>,
        why: Option<String>,
    }

    /// Takes one.
    #[expect(dead_code, reason = "only its description is looked at")]
    #[utoipa::path(
        post,
        path = "/api/things/{event}",
        params(("event" = EventId, Path)),
        request_body = Wish,
        security(("bearer" = ["admin"], "entry" = [])),
        responses((status = 200), (status = 409, description = "`TAKEN` or `SOLD_OUT`, `not this`; see `tier`"))
    )]
    fn take() {}

    #[expect(dead_code, reason = "only its description is looked at")]
    #[utoipa::path(
        get,
        path = "/api/things",
        security((), ("bearer" = [])),
        responses((status = 200))
    )]
    fn look() {}

    #[expect(dead_code, reason = "only its description is looked at")]
    #[utoipa::path(
        method(put, patch),
        path = "/api/things/{event}",
        operation_id = "changeThing",
        params(("event" = EventId, Path)),
        responses((status = 200))
    )]
    fn change() {}

    fn response<'a>(document: &'a Value, operation: &'a Value, status: &str) -> &'a Value {
        let response = &operation["responses"][status];
        match response["$ref"].as_str() {
            Some(shared) => document.pointer(&shared[1..]).expect("a shared response"),
            None => response,
        }
    }

    fn codes(document: &Value, operation: &Value, status: &str) -> Value {
        response(document, operation, status)["content"]["application/json"]["schema"]["allOf"][1]
            ["properties"]["code"]["enum"]
            .clone()
    }

    #[test]
    fn an_operation_tells_all_by_which_it_can_be_refused() {
        let limits = [refusal(429, "RATE_LIMITED")];
        let document = complete(&Api::openapi(), &limits).expect("a document");
        let take = &document["paths"]["/things/{event}"]["post"];
        for (status, expected) in [
            (
                "400",
                json!([
                    "INVALID_FIELD",
                    "INVALID_PATH",
                    "MALFORMED_JSON",
                    "UNREADABLE_BODY"
                ]),
            ),
            ("401", json!(["AUTHENTICATION_REQUIRED"])),
            (
                "403",
                json!(["ADMIN_ROLE_REQUIRED", "ENTRY_TOKEN_REQUIRED"]),
            ),
            ("409", json!(["SOLD_OUT", "TAKEN"])),
            ("413", json!(["BODY_TOO_LARGE"])),
            ("429", json!(["RATE_LIMITED"])),
            ("500", json!(["INTERNAL_ERROR"])),
        ] {
            assert_eq!(codes(&document, take, status), expected, "{status}");
        }
        assert!(response(&document, take, "429")["headers"]["Retry-After"].is_object());
        assert!(take["responses"]["409"].get("headers").is_none());
        let schema = &take["responses"]["409"]["content"]["application/json"]["schema"];
        let fields = schema["allOf"][1]["properties"].as_object();
        assert!(fields.is_some_and(|fields| fields.keys().eq(["code", "tier"])));
        assert_eq!(take["summary"], "Takes one.");
    }

    #[test]
    fn what_must_be_sent_is_never_null() {
        let document = complete(&Api::openapi(), &[]).expect("a document");
        let wish = &document["components"]["schemas"]["Wish"]["properties"];
        assert_eq!(wish["what"]["type"], "string");
        assert_eq!(wish["why"]["type"], json!(["string", "null"]));
    }

    #[test]
    fn two_methods_of_one_handler_have_names_of_their_own() {
        let document = complete(&Api::openapi(), &[]).expect("a document");
        let thing = &document["paths"]["/things/{event}"];
        let names = ["patch", "put"].map(|method| &thing[method]["operationId"]);
        assert_eq!(names, ["changeThing", "changeThingByPut"]);
    }

    #[test]
    fn a_token_may_come_in_a_header_or_in_a_cookie() {
        let document = complete(&Api::openapi(), &[]).expect("a document");
        assert_eq!(
            document["paths"]["/things/{event}"]["post"]["security"],
            json!([
                {"bearer": ["admin"], "entry": []},
                {"session": ["admin"], "entry": []},
                {"bearer": ["admin"], "entryCookie": []},
                {"session": ["admin"], "entryCookie": []},
            ])
        );
    }

    #[test]
    fn who_need_not_sign_in_is_not_refused_for_it() {
        let document = complete(&Api::openapi(), &[]).expect("a document");
        let look = &document["paths"]["/things"]["get"];
        assert_eq!(codes(&document, look, "401"), Value::Null);
        assert_eq!(codes(&document, look, "413"), Value::Null);
    }
}
