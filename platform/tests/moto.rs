//! The stand-in for AWS that other tests rely on.

#![allow(clippy::unwrap_used)]

use std::net::TcpStream;

use platform::testing::Moto;

#[tokio::test]
async fn moto_starts_and_stops_with_the_test() {
    let Some(moto) = Moto::start().await else {
        return;
    };
    let first = moto.bucket().await;
    let second = moto.bucket().await;
    let s3 = aws_sdk_s3::Client::new(&moto.sdk_config().await);

    let listed = s3.list_buckets().send().await.unwrap();
    let names: Vec<_> = listed.buckets().iter().filter_map(|b| b.name()).collect();

    assert!(names.contains(&first.as_str()) && names.contains(&second.as_str()));
    let address = moto.endpoint().strip_prefix("http://").unwrap().to_owned();
    drop(moto);
    assert!(TcpStream::connect(address).is_err());
}
