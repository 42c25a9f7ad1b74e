//! The addresses of the server, read from the router itself, so that a new one cannot be
//! forgotten by the tests about access.

const ROUTER: &str = include_str!("../../src/router.rs");

/// A way to call the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Route {
    pub(crate) method: &'static str,
    pub(crate) path: &'static str,
}

/// Every route with each of its methods.
pub(crate) fn all() -> Vec<Route> {
    let mut routes = Vec::new();
    for entry in ROUTER.split(".route(").skip(1) {
        let entry = entry.split(".fallback").next().unwrap();
        let path = entry.split('"').nth(1).unwrap();
        for method in ["get", "post", "put", "patch", "delete"] {
            let called = |before: char| entry.contains(&format!("{before}{method}("));
            if [' ', '.', '\n', ','].into_iter().any(called) {
                routes.push(Route { method, path });
            }
        }
    }
    routes
}

#[test]
fn the_router_is_read_as_it_is_meant() {
    let routes = all();
    for (method, path) in [
        ("get", "/"),
        ("post", "/messages"),
        ("delete", "/api/images/{id}"),
        ("post", "/api/images/{id}/steps/{step}/retry"),
        ("get", "/health"),
    ] {
        assert!(routes.contains(&Route { method, path }), "{method} {path}");
    }
    assert!(routes.len() >= 25, "{routes:?}");
}
