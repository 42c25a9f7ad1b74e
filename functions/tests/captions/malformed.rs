//! Every answer of a provider becomes a legal caption or an error.

use functions::steps::annotate::Captioner;
use functions::testing::Noise;
use functions::testing::provider::{Answer, Provider, WRITTEN, bodies, damaged};

use crate::{asking, assert_legal, subject};

async fn ask(provider: &Provider, captioner: &dyn Captioner, answer: Answer) -> bool {
    provider.will(answer);
    match captioner.caption(&subject()).await {
        Ok(caption) => {
            assert_legal(&caption);
            true
        }
        Err(_) => false,
    }
}

#[tokio::test]
async fn a_damaged_body_ends_in_a_legal_caption_or_an_error() {
    let provider = Provider::start().await;
    let mut noise = Noise(7);
    let mut captions = 0;
    for (captioner, body) in asking(&provider).iter().zip(bodies(WRITTEN)) {
        for _ in 0..400 {
            let body = damaged(&body, &mut noise);
            let answer = Answer::Raw(200, Vec::new(), body);
            captions += u32::from(ask(&provider, captioner.as_ref(), answer).await);
        }
    }
    assert!(
        (1..800).contains(&captions),
        "{captions} of 800 came through"
    );
}

#[tokio::test]
async fn what_a_model_wrote_badly_ends_in_a_legal_caption_or_an_error() {
    let provider = Provider::start().await;
    let mut noise = Noise(8);
    let mut captions = 0;
    for captioner in asking(&provider) {
        for _ in 0..400 {
            let answer = Answer::Text(damaged(WRITTEN, &mut noise));
            captions += u32::from(ask(&provider, captioner.as_ref(), answer).await);
        }
    }
    assert!(
        (1..800).contains(&captions),
        "{captions} of 800 came through"
    );
}

#[tokio::test]
async fn an_answer_that_is_cut_short_is_never_a_caption() {
    let provider = Provider::start().await;
    for (captioner, body) in asking(&provider).iter().zip(bodies(WRITTEN)) {
        for end in 0..body.len() {
            let answer = Answer::Raw(200, Vec::new(), body[..end].to_owned());
            assert!(!ask(&provider, captioner.as_ref(), answer).await, "{end}");
        }
    }
}
