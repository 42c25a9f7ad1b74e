//! The envelopes as moto sends them: real uploads to a bucket, and messages received from a queue.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use aws_sdk_s3::Client as S3;
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{
    Event, EventBridgeConfiguration, NotificationConfiguration, QueueConfiguration,
    TopicConfiguration,
};
use platform::events::{Ignored, StoreEvents, parse};
use platform::testing::Moto;
use reqwest::{Client, RequestBuilder};
use serde_json::{Value, json};

const KEYS: [&str; 5] = [
    "uploads/0192f0c1-0000-7000-8000-000000000001.jpg",
    "uploads/a+b c.jpg",
    "uploads/100% été 日本語.png",
    "uploads/%41&x=y/nested.gif",
    "thumbnails/x.jpg",
];

const PATIENCE: Duration = Duration::from_secs(30);

#[tokio::test]
async fn s3_notifies_sqs() {
    let Some(aws) = Aws::start().await else {
        return;
    };
    let queue = aws.queue().await;
    aws.notify(
        NotificationConfiguration::builder().queue_configurations(
            QueueConfiguration::builder()
                .queue_arn(&queue.arn)
                .events(Event::S3ObjectCreated)
                .events(Event::S3ObjectRemoved)
                .build()
                .unwrap(),
        ),
    )
    .await;
    aws.objects_come_and_one_goes().await;
    queue.hears_of_it(&aws, &[Ignored::TestEvent]).await;
}

#[tokio::test]
async fn s3_notifies_sqs_through_sns() {
    through_a_topic("false").await;
}

#[tokio::test]
async fn s3_notifies_sqs_through_sns_with_raw_delivery() {
    through_a_topic("true").await;
}

async fn through_a_topic(raw: &str) {
    let Some(aws) = Aws::start().await else {
        return;
    };
    let queue = aws.queue().await;
    let topic = "arn:aws:sns:eu-central-1:123456789012:photos";
    aws.sns(&[("Action", "CreateTopic"), ("Name", "photos")])
        .await;
    aws.sns(&[
        ("Action", "Subscribe"),
        ("TopicArn", topic),
        ("Protocol", "sqs"),
        ("Endpoint", &queue.arn),
        ("Attributes.entry.1.key", "RawMessageDelivery"),
        ("Attributes.entry.1.value", raw),
    ])
    .await;
    aws.notify(
        NotificationConfiguration::builder().topic_configurations(
            TopicConfiguration::builder()
                .topic_arn(topic)
                .events(Event::S3ObjectCreated)
                .events(Event::S3ObjectRemoved)
                .build()
                .unwrap(),
        ),
    )
    .await;
    aws.objects_come_and_one_goes().await;
    queue.hears_of_it(&aws, &[]).await;
}

#[tokio::test]
async fn s3_notifies_sqs_through_eventbridge() {
    let Some(aws) = Aws::start().await else {
        return;
    };
    let queue = aws.queue().await;
    let pattern = json!({"source": ["aws.s3"]}).to_string();
    let rule = json!({"Name": "photos", "EventPattern": pattern});
    aws.json("events", "AWSEvents.PutRule", &rule).await;
    let targets = json!({"Rule": "photos", "Targets": [{"Id": "queue", "Arn": queue.arn}]});
    aws.json("events", "AWSEvents.PutTargets", &targets).await;
    aws.notify(
        NotificationConfiguration::builder()
            .event_bridge_configuration(EventBridgeConfiguration::builder().build()),
    )
    .await;
    aws.objects_come_and_one_goes().await;
    queue.hears_of_it(&aws, &[]).await;
}

struct Aws {
    moto: Moto,
    s3: S3,
    bucket: String,
    http: Client,
}

struct Queue {
    url: String,
    arn: String,
}

impl Aws {
    async fn start() -> Option<Self> {
        let moto = Moto::start().await?;
        let bucket = moto.bucket().await;
        let config = aws_sdk_s3::config::Builder::from(&moto.sdk_config().await)
            .force_path_style(true)
            .build();
        Some(Self {
            moto,
            s3: S3::from_conf(config),
            bucket,
            http: Client::new(),
        })
    }

    /// A request to a service, which moto reads from the signature without verifying it.
    fn request(&self, service: &str) -> RequestBuilder {
        let scope = format!("AKIAIOSFODNN7EXAMPLE/20260101/eu-central-1/{service}/aws4_request");
        let signature =
            format!("AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=none");
        self.http
            .post(self.moto.endpoint())
            .header("authorization", signature)
    }

    async fn json(&self, service: &str, target: &str, body: &Value) -> Value {
        let request = self.request(service).header("x-amz-target", target);
        let request = request.header("content-type", "application/x-amz-json-1.0");
        let response = request.body(body.to_string()).send().await.unwrap();
        let (status, text) = (response.status(), response.text().await.unwrap());
        assert!(status.is_success(), "{target}: {text}");
        serde_json::from_str(&text).unwrap_or_default()
    }

    async fn sns(&self, fields: &[(&str, &str)]) {
        let form = url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs(fields)
            .finish();
        let request = self
            .request("sns")
            .header("content-type", "application/x-www-form-urlencoded");
        let response = request.body(form).send().await.unwrap();
        let (status, text) = (response.status(), response.text().await.unwrap());
        assert!(status.is_success(), "{fields:?}: {text}");
    }

    async fn queue(&self) -> Queue {
        let made = self
            .json(
                "sqs",
                "AmazonSQS.CreateQueue",
                &json!({"QueueName": "photos"}),
            )
            .await;
        Queue {
            url: made["QueueUrl"].as_str().unwrap().to_owned(),
            arn: "arn:aws:sqs:eu-central-1:123456789012:photos".to_owned(),
        }
    }

    async fn notify(
        &self,
        configuration: aws_sdk_s3::types::builders::NotificationConfigurationBuilder,
    ) {
        self.s3
            .put_bucket_notification_configuration()
            .bucket(&self.bucket)
            .notification_configuration(configuration.build())
            .send()
            .await
            .unwrap();
    }

    async fn objects_come_and_one_goes(&self) {
        for key in KEYS {
            self.s3
                .put_object()
                .bucket(&self.bucket)
                .key(key)
                .body(ByteStream::from_static(b"a picture"))
                .send()
                .await
                .unwrap();
        }
        let delete = self.s3.delete_object().bucket(&self.bucket).key(KEYS[0]);
        delete.send().await.unwrap();
    }
}

impl Queue {
    /// Receives messages until all of [`KEYS`], the deletion and `before` have arrived. Other
    /// events of moto, of tags for example, are ignored.
    async fn hears_of_it(&self, aws: &Aws, before: &[Ignored]) {
        let mut heard = StoreEvents::default();
        let deadline = Instant::now() + PATIENCE;
        while !is_complete(&heard, before) {
            assert!(Instant::now() < deadline, "only heard {heard:#?}");
            let receive = json!({"QueueUrl": self.url, "MaxNumberOfMessages": 10});
            let received = aws.json("sqs", "AmazonSQS.ReceiveMessage", &receive).await;
            for message in received["Messages"].as_array().into_iter().flatten() {
                let body = message["Body"].as_str().unwrap();
                let news = parse(body.as_bytes());
                let news = news.unwrap_or_else(|error| panic!("{error}: {body}"));
                heard.created.extend(news.created);
                heard.ignored.extend(news.ignored);
            }
        }
        let created: BTreeSet<_> = heard.created.iter().map(|event| event.key.path()).collect();
        assert_eq!(created, KEYS[..4].iter().map(ToString::to_string).collect());
        assert_eq!(heard.created.len(), 4, "{heard:#?}");
    }
}

fn is_complete(heard: &StoreEvents, before: &[Ignored]) -> bool {
    let another_area = Ignored::OtherKey(KEYS[4].to_owned());
    let is_deletion =
        |ignored: &Ignored| matches!(ignored, Ignored::OtherEvent(name) if name.contains("Delete"));
    heard.created.len() >= 4
        && heard.ignored.contains(&another_area)
        && heard.ignored.iter().any(is_deletion)
        && before.iter().all(|ignored| heard.ignored.contains(ignored))
}
