//! Choices in the JSON of the API, one variant for each of the rows' own.

/// Defines an enum for JSON, with names in kebab case, and makes it from the rows' enum and back.
macro_rules! json_enum {
    ($(#[$about:meta])* $name:ident as $schema:ident for $row:ident { $($(#[$doc:meta])* $variant:ident,)+ }) => {
        $(#[$about])*
        #[derive(
            Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize,
            utoipa::ToSchema,
        )]
        #[serde(rename_all = "kebab-case")]
        #[schema(as = $schema)]
        pub enum $name {
            $($(#[$doc])* $variant,)+
        }

        impl From<$row> for $name {
            fn from(row: $row) -> Self {
                match row { $($row::$variant => Self::$variant,)+ }
            }
        }

        impl From<$name> for $row {
            fn from(json: $name) -> Self {
                match json { $($name::$variant => Self::$variant,)+ }
            }
        }
    };
}

pub(crate) use json_enum;
