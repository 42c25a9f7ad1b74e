//! Problems as handlers name them in their OpenAPI description. What any address may answer with
//! (400, 401, 403, 500 and 503) is added to all of them by [`crate::openapi`].

use std::collections::BTreeMap;

use utoipa::IntoResponses;
use utoipa::openapi::{Ref, RefOr, Response};

use crate::problem_kind::ProblemKind;

macro_rules! problems {
    ($($name:ident),+ $(,)?) => {$(
        pub(super) struct $name;

        impl IntoResponses for $name {
            fn responses() -> BTreeMap<String, RefOr<Response>> {
                response(ProblemKind::$name)
            }
        }
    )+};
}

problems!(
    DirectUploadsOff,
    InvalidContent,
    KeyReused,
    NotFound,
    NotReady,
    OutdatedBoxes,
    RangeNotSatisfiable,
    StepBlocked,
    TooLarge,
    UnreadableImage,
    UnsupportedType,
    UploadStalled,
);

fn response(kind: ProblemKind) -> BTreeMap<String, RefOr<Response>> {
    let reference = Ref::from_response_name(kind.slug());
    BTreeMap::from([(kind.status().as_str().to_owned(), reference.into())])
}
