//! The envelopes as AWS documents them: see `fixtures/README.md`.

use serde_json::{Value, json};

use platform::events::{Ignored, ObjectCreated, StoreEvents, parse, parse_invocation};
use platform::objects::ObjectKey;

use crate::envelopes::{CARRIERS, Carrier, bridged, fixture, form_encoded, s3};

const KEY: &str = "uploads/0192f0c1-0000-7000-8000-000000000001.jpg";

fn created(keys: &[&str]) -> StoreEvents {
    StoreEvents {
        created: keys
            .iter()
            .map(|key| ObjectCreated {
                key: ObjectKey::parse(key).unwrap(),
            })
            .collect(),
        ignored: Vec::new(),
    }
}

fn ignored(what: Ignored) -> StoreEvents {
    StoreEvents {
        created: Vec::new(),
        ignored: vec![what],
    }
}

#[test]
fn object_created_is_parsed_from_every_envelope() {
    for message in [s3(KEY), bridged(KEY)] {
        for carrier in CARRIERS {
            let news = carrier.deliver(&message);

            assert_eq!(news, Ok(created(&[KEY])), "{carrier:?} of {message}");
        }
    }
}

#[test]
fn keys_are_decoded() {
    for name in [
        "a+b.jpg",
        "a b.jpg",
        "100%.jpg",
        "%41.jpg",
        "a%2Bb.jpg",
        "été 日本語 🦊.jpg",
        "folder/in a folder.jpg",
        "a&b=c;d?e#f.jpg",
        "\"quoted\" 'too'.jpg",
    ] {
        let key = format!("uploads/{name}");
        for message in [s3(&form_encoded(&key)), bridged(&key)] {
            for carrier in CARRIERS {
                assert_eq!(
                    carrier.deliver(&message),
                    Ok(created(&[&key])),
                    "{carrier:?} of {message}"
                );
            }
        }
    }
}

#[test]
fn keys_of_maximum_length_are_ignored() {
    let key = format!("uploads/{}", "é".repeat(508));
    assert_eq!(key.len(), 1024);
    for message in [s3(&form_encoded(&key)), bridged(&key)] {
        assert_eq!(
            parse(message.as_bytes()),
            Ok(ignored(Ignored::OtherKey(key.clone())))
        );
    }
}

#[test]
fn other_objects_are_ignored() {
    for key in ["thumbnails/x.jpg", "anonymised/x.jpg", "logs/x", "x", ""] {
        for message in [s3(&form_encoded(key)), bridged(key)] {
            let expected = ignored(Ignored::OtherKey(key.to_owned()));
            assert_eq!(parse(message.as_bytes()), Ok(expected), "{message}");
        }
    }
}

#[test]
fn deletions_are_ignored() {
    for (message, name) in [
        ("s3-deleted.json", "ObjectRemoved:DeleteMarkerCreated"),
        ("eventbridge-deleted.json", "Object Deleted"),
    ] {
        let message = fixture(message).to_string();
        for carrier in CARRIERS {
            let expected = ignored(Ignored::OtherEvent(name.to_owned()));
            assert_eq!(carrier.deliver(&message), Ok(expected), "{carrier:?}");
        }
    }
}

#[test]
fn events_of_other_services_are_ignored() {
    let mut event = fixture("eventbridge.json");
    event["source"] = json!("aws.ec2");
    event["detail"] = json!({"state": "running"});
    let expected = ignored(Ignored::OtherEvent("Object Created".to_owned()));
    assert_eq!(parse(event.to_string().as_bytes()), Ok(expected));
}

#[test]
fn s3_test_event_is_acknowledged() {
    let message = fixture("s3-test.json").to_string();
    for carrier in CARRIERS {
        assert_eq!(
            carrier.deliver(&message),
            Ok(ignored(Ignored::TestEvent)),
            "{carrier:?}"
        );
    }
}

#[test]
fn sns_subscription_messages_are_acknowledged() {
    let message = fixture("sns-confirmation.json").to_string();
    let expected = Ok(ignored(Ignored::Subscription));
    assert_eq!(parse(message.as_bytes()), expected);
    assert_eq!(Carrier::Sqs.deliver(&message), expected);
}

#[test]
fn records_of_a_message_keep_their_order() {
    let mut message = fixture("s3.json");
    let record = message["Records"][0].clone();
    let records = ["uploads/1.jpg", "thumbnails/2.jpg", "uploads/3.png"].map(|key| {
        let mut record = record.clone();
        record["s3"]["object"]["key"] = json!(key);
        record
    });
    message["Records"] = Value::from(records.to_vec());
    let expected = StoreEvents {
        ignored: vec![Ignored::OtherKey("thumbnails/2.jpg".to_owned())],
        ..created(&["uploads/1.jpg", "uploads/3.png"])
    };
    assert_eq!(parse(message.to_string().as_bytes()), Ok(expected.clone()));
    assert_eq!(Carrier::Sqs.deliver(&message.to_string()), Ok(expected));
}

#[test]
fn messages_of_a_batch_are_parsed_independently() {
    let bodies = [
        s3("uploads/first.jpg"),
        "{\"Records\":[{}]}".to_owned(),
        "no JSON at all".to_owned(),
        bridged("uploads/fourth.jpg"),
        String::new(),
        s3("uploads/%FF.jpg"),
    ];
    let mut batch = fixture("lambda-sqs.json");
    let record = batch["Records"][0].clone();
    let records = bodies.iter().enumerate().map(|(number, body)| {
        let mut record = record.clone();
        record["messageId"] = json!(format!("message {number}"));
        record["attributes"]["ApproximateReceiveCount"] = json!(format!("{}", number + 1));
        record["body"] = json!(body);
        record
    });
    batch["Records"] = records.collect();

    let messages = parse_invocation(batch.to_string().as_bytes()).unwrap();

    for (number, message) in messages.iter().enumerate() {
        assert_eq!(message.id, Some(format!("message {number}")));
        assert_eq!(message.receive_count, Some(number as u32 + 1));
    }
    let news: Vec<_> = messages.into_iter().map(|message| message.news).collect();
    assert_eq!(news[0], Ok(created(&["uploads/first.jpg"])));
    assert_eq!(news[3], Ok(created(&["uploads/fourth.jpg"])));
    for (number, complaint) in [
        (1, "not one of S3, SNS or SQS"),
        (2, "not JSON"),
        (4, "not JSON"),
        (5, "not UTF-8"),
    ] {
        let said = news[number].clone().unwrap_err().to_string();
        assert!(said.contains(complaint), "{said}");
    }
}

#[test]
fn directly_delivered_records_are_parsed_independently() {
    let mut event = fixture("s3.json");
    let mut damaged = event["Records"][0].clone();
    damaged["s3"] = json!({});
    event["Records"][0]["s3"]["object"]["key"] = json!("uploads/whole.jpg");
    event["Records"].as_array_mut().unwrap().push(damaged);

    let messages = parse_invocation(event.to_string().as_bytes()).unwrap();

    assert_eq!(messages[0].news, Ok(created(&["uploads/whole.jpg"])));
    assert!(messages[1].news.is_err());
    assert!(messages.iter().all(|message| message.id.is_none()));
}

#[test]
fn batch_without_message_ids_is_rejected() {
    let mut batch = fixture("lambda-sqs.json");
    batch["Records"][0]
        .as_object_mut()
        .unwrap()
        .remove("messageId");
    let refused = parse_invocation(batch.to_string().as_bytes()).unwrap_err();
    assert!(refused.to_string().contains("messageId"), "{refused}");
}

#[test]
fn errors_do_not_repeat_the_payload() {
    let refused = parse(b"{\"password\": \"tiger\",").unwrap_err().to_string();
    assert!(!refused.contains("tiger"), "{refused}");
    assert!(refused.contains("line 1"), "{refused}");
}
