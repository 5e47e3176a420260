//! Whether a router and its description say the same.

use std::collections::{BTreeMap, BTreeSet};

use axum::Router;
use utoipa::openapi::OpenApi;

/// The methods that a description can have.
const METHODS: [&str; 5] = ["get", "put", "post", "patch", "delete"];

/// Panics unless the description has each route of the router below `/api`, and nothing else.
pub fn assert_described(router: &Router, description: &OpenApi) {
    let served: BTreeSet<_> = routes(router)
        .into_iter()
        .filter(|route| route.contains(" /api/"))
        .collect();
    assert!(!served.is_empty(), "no routes in {router:?}");
    assert_eq!(served, described(description), "served, and described");
}

/// The operations of a description, as `get /api/news/{id}`.
fn described(description: &OpenApi) -> BTreeSet<String> {
    let paths = description.paths.paths.iter();
    let operations = paths.flat_map(|(path, item)| {
        let operations = [&item.get, &item.put, &item.post, &item.patch, &item.delete];
        METHODS
            .into_iter()
            .zip(operations)
            .filter(|(_, operation)| operation.is_some())
            .map(move |(method, _)| format!("{method} {path}"))
    });
    operations.collect()
}

/// The routes of a router. It tells them nowhere but in its `{:?}`: each route's methods by the
/// route's number, as `RouteId(3): MethodRouter(MethodRouter { get: BoxedHandler, …})`, and then
/// each number's path, as `RouteId(3): "/api/news/{id}"`.
fn routes(router: &Router) -> BTreeSet<String> {
    let text = format!("{router:?}");
    let (own, _) = text.split_once("fallback_router").expect("axum's form");
    let numbered = own.split("RouteId(").skip(1);
    let numbered: Vec<_> = numbered.filter_map(|part| part.split_once("): ")).collect();
    let path_of: BTreeMap<_, _> = numbered
        .iter()
        .filter_map(|(number, path)| Some((number, path.strip_prefix('"')?.split_once('"')?.0)))
        .collect();
    let methods = numbered.iter().flat_map(|(number, route)| {
        METHODS
            .into_iter()
            .filter(|method| answers(route, method))
            .filter_map(|method| Some(format!("{method} {}", path_of.get(number)?)))
    });
    methods.collect()
}

/// Whether a handler stands behind the method of this `MethodRouter`.
fn answers(route: &str, method: &str) -> bool {
    let handler = route.split_once(&format!(" {method}: "));
    handler.is_some_and(|(_, handler)| !handler.starts_with("None"))
}

#[cfg(test)]
mod tests {
    use axum::routing::{get, post};

    use super::routes;

    #[test]
    fn the_routes_of_a_router_are_found_behind_layers_and_in_merged_routers() {
        let things = axum::Router::new().route("/api/things", get(async || "").post(async || ""));
        let other = axum::Router::new().route("/api/things/{id}/open", post(async || ""));
        let router = things.merge(other).layer(axum::Extension(()));
        let expected = [
            "get /api/things",
            "post /api/things",
            "post /api/things/{id}/open",
        ];
        assert!(routes(&router).iter().eq(expected));
    }
}
