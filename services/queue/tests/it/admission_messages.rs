//! Messages about people who were let in: to a server that speaks SQS, and to one that is away.

use std::time::Duration;

use bytes::Bytes;
use http::Request;
use serde_json::{Value, json};
use urr_kit::Runtime;
use urr_queue::{AdmissionMessages, admission_messages::SqsArgs};

use crate::hall::{Fan, Hall, rules};

fn settings(url: &str) -> SqsArgs {
    let keys = ["--aws-access-key-id=id", "--aws-secret-access-key=key"];
    let queue = format!("--sqs-queue-url={url}");
    let arguments = ["queue", "--sqs-enabled=true", &queue];
    urr_testkit::settings(arguments.iter().chain(&keys))
}

fn metric(runtime: &Runtime, name: &str) -> u64 {
    let text = runtime.metrics.render().unwrap();
    let mut lines = text.lines().filter_map(|line| line.split_once(' '));
    let found = lines.find(|(other, _)| *other == name);
    found.map_or(0, |(_, value)| value.parse().unwrap())
}

#[test]
fn nothing_is_sent_unless_it_is_wanted_and_a_wrong_address_is_said() {
    let runtime = urr_testkit::runtime("queue");
    let off = SqsArgs {
        sqs_enabled: false,
        ..settings("")
    };
    AdmissionMessages::start(&off, &runtime).unwrap();
    for url in ["", "admissions.fifo"] {
        let error = AdmissionMessages::start(&settings(url), &runtime).unwrap_err();
        assert!(error.to_string().contains("SQS_QUEUE_URL"), "{error}");
    }
}

#[tokio::test]
async fn people_enter_while_the_queue_of_messages_is_away() {
    let hall = Hall::new(rules(10, 10)).await;
    let runtime = urr_testkit::runtime("queue");
    // Nobody listens there.
    let away = settings("http://127.0.0.1:9/1/admissions.fifo");
    let messages = AdmissionMessages::start(&away, &runtime).unwrap();
    let queue = hall.replica_telling(messages).await;
    let answer = Fan::new(&hall).check(&queue).await.expect(200);
    assert_eq!(answer.body["status"], "active");
    urr_testkit::wait_for("the message to be given up", || async {
        metric(&runtime, "urr_admission_messages_lost_total") == 1
    })
    .await;
}

/// Needs a server that speaks SQS at `AWS_ENDPOINT`; `services/urr/test-aws.sh` runs one.
#[tokio::test]
#[ignore = "needs a server that speaks SQS; services/urr/test-aws.sh runs it"]
#[expect(clippy::disallowed_methods, reason = "where the script's server is")]
async fn aws_everybody_who_is_let_in_is_told_of_once() {
    let endpoint = std::env::var("AWS_ENDPOINT").unwrap();
    let name = format!("admissions-{}.fifo", uuid::Uuid::new_v4());
    let made = json!({"QueueName": name, "Attributes": {"FifoQueue": "true"}});
    let made = call(&endpoint, "CreateQueue", made).await;
    let url = made["QueueUrl"].as_str().unwrap();

    let hall = Hall::new(rules(10, 10)).await;
    let runtime = urr_testkit::runtime("queue");
    let messages = AdmissionMessages::start(&settings(url), &runtime).unwrap();
    let queue = hall.replica_telling(messages).await;
    let (mut ann, mut ben) = (Fan::new(&hall), Fan::new(&hall));
    let token = ann.check(&queue).await.expect(200).body["entryToken"].clone();
    ann.check(&queue).await.expect(200);
    ben.check(&queue).await.expect(200);
    urr_testkit::wait_for("the messages", || async {
        metric(&runtime, "urr_admission_messages_sent_total") == 3
    })
    .await;

    let asked = json!({"QueueUrl": url, "MaxNumberOfMessages": 10, "AttributeNames": ["All"]});
    let received = call(&endpoint, "ReceiveMessage", asked).await;
    let received = received["Messages"].as_array().unwrap();
    assert_eq!(received.len(), 2, "one for each person: {received:?}");
    for (message, fan) in received.iter().zip([ann, ben]) {
        let body: Value = serde_json::from_str(message["Body"].as_str().unwrap()).unwrap();
        let user = fan.user.unwrap();
        assert_eq!(body["action"], "admitted");
        assert_eq!(body["eventId"], json!(hall.event));
        assert_eq!(body["userId"], json!(user));
        assert!(body["timestamp"].is_i64());
        let attributes = &message["Attributes"];
        assert_eq!(attributes["MessageGroupId"], json!(hall.event));
        let once = format!("{user}:{}", hall.event);
        assert_eq!(attributes["MessageDeduplicationId"], once);
    }
    let first: Value = serde_json::from_str(received[0]["Body"].as_str().unwrap()).unwrap();
    assert_eq!(first["entryToken"], token);
}

async fn call(endpoint: &str, action: &str, body: Value) -> Value {
    let request = Request::post(format!("{endpoint}/"))
        .header("content-type", "application/x-amz-json-1.0")
        .header("x-amz-target", format!("AmazonSQS.{action}"))
        .body(Bytes::from(body.to_string()))
        .unwrap();
    let client = settings(endpoint).aws.client("sqs").unwrap();
    let answer = client.send(request, Duration::from_secs(5)).await.unwrap();
    assert_eq!(answer.status(), 200, "{:?}", answer.body());
    serde_json::from_slice(answer.body()).unwrap()
}
