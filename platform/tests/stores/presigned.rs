//! Presigned addresses, as a browser uses them.

use bytes::Bytes;
use platform::objects::{Body, Disposition, ObjectKey};

use crate::homes;

#[tokio::test]
async fn presigned_urls_serve_type_and_name() {
    let Some(home) = homes::s3().await else {
        return;
    };
    let signer = home.store.presigning().unwrap().signer().await.unwrap();
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    for path in [
        "anonymised/plain.jpg",
        "uploads/a+b=c&d e.png",
        "uploads/100%20.webp",
        "uploads/Zürich/日本.gif",
        "uploads/what?#.jpg",
    ] {
        let key = ObjectKey::parse(path).unwrap();
        let content = Bytes::copy_from_slice(path.as_bytes());
        let body = Body::Bytes(content.clone());
        home.store.put(&key, body).await.unwrap();
        for (disposition, expected) in [
            (
                Disposition::Inline("photo.jpg"),
                "inline; filename=\"photo.jpg\"",
            ),
            (
                Disposition::Attachment("Fest \"50%\".jpg"),
                "attachment; filename=\"Fest _50__.jpg\"; filename*=UTF-8''Fest%20%2250%25%22.jpg",
            ),
        ] {
            let url = signer.read(&key, "v1", disposition, false).unwrap();

            let answer = http.get(&url).send().await.unwrap();

            assert_eq!(answer.status(), 200, "{url}");
            assert_eq!(answer.headers()["content-type"], key.content_type());
            assert_eq!(answer.headers()["content-disposition"], expected);
            assert_eq!(answer.bytes().await.unwrap(), content);
        }
        let url = signer
            .read(&key, "v1", Disposition::Inline("x"), true)
            .unwrap();
        let head = http.head(url);
        assert_eq!(head.send().await.unwrap().status(), 200);
    }
}

#[tokio::test]
async fn presigned_urls_match_the_csp_origin() {
    let Some(home) = homes::s3().await else {
        return;
    };
    let presigning = home.store.presigning().unwrap();
    let key = ObjectKey::thumbnail(uuid::Uuid::nil());
    let signer = presigning.signer().await.unwrap();

    let url = signer
        .read(&key, "v1", Disposition::Inline("x"), false)
        .unwrap();

    assert!(url.starts_with(&format!("{}/", presigning.origin())));
    assert!(homes::folder().store.presigning().is_none());
}
