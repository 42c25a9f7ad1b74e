//! Conditions of keyset paging: the rows before or after a key of two columns.
//!
//! `a < x OR (a = x AND b < y)` alone is a scan on SQLite, however an index is ordered. With
//! `a <= x` in front of it, all three databases read a range of the index on both columns. (Row
//! values, `(a, b) < (x, y)`, are a scan on MySQL.)

use sea_orm::sea_query::IntoCondition as _;
use sea_orm::{ColumnTrait, Condition, Value};

/// The rows whose key is less than `(x, y)`.
pub(crate) fn before<C: ColumnTrait>(
    (a, b): (C, C),
    (x, y): (impl Into<Value> + Clone, impl Into<Value>),
) -> Condition {
    let less = Condition::any().add(a.lt(x.clone())).add(b.lt(y));
    a.lte(x).into_condition().add(less)
}

/// The rows whose key is greater than `(x, y)`.
pub(crate) fn after<C: ColumnTrait>(
    (a, b): (C, C),
    (x, y): (impl Into<Value> + Clone, impl Into<Value>),
) -> Condition {
    let greater = Condition::any().add(a.gt(x.clone())).add(b.gt(y));
    a.gte(x).into_condition().add(greater)
}

/// The rows after `(x, y)` where the first column descends and the second ascends.
pub(crate) fn after_in_mixed_order<C: ColumnTrait>(
    (a, b): (C, C),
    (x, y): (impl Into<Value> + Clone, impl Into<Value>),
) -> Condition {
    let beyond = Condition::any().add(a.lt(x.clone())).add(b.gt(y));
    a.lte(x).into_condition().add(beyond)
}
