//! Captioners and detectors for tests: adapters of the same ports as the real ones.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use functions::faces::{Certainty, DetectError, Detection, Face, FaceDetector};
use functions::picture::Upright;
use functions::steps::annotate::{
    Account, Answered, Caption, CaptionError, Captioner, Describer, Subject, Usage,
};
use tokio::sync::Semaphore;

/// Finds one face that fills the picture except for a margin.
pub(crate) struct OneLargeFace;

impl FaceDetector for OneLargeFace {
    fn name(&self) -> &str {
        "one large face"
    }

    fn detect(&self, picture: &Upright) -> Result<Detection, DetectError> {
        let (x, y) = (picture.width / 8, picture.height / 8);
        let face = Face {
            x: x.cast_signed(),
            y: y.cast_signed(),
            width: x * 6,
            height: y * 6,
            score: 0.9,
            certainty: Certainty::Sure,
        };
        Ok(vec![face].into())
    }
}

/// What a [`Scripted`] captioner does with a picture.
pub(crate) enum Move {
    Stumble,
    Broken,
    Refuse,
    Panic,
}

/// Follows its script, then describes.
pub(crate) struct Scripted(Mutex<VecDeque<Move>>);

impl Scripted {
    pub(crate) fn new(script: impl IntoIterator<Item = Move>) -> Arc<Self> {
        Arc::new(Self(Mutex::new(script.into_iter().collect())))
    }
}

#[async_trait]
impl Captioner for Scripted {
    fn provider(&self) -> &'static str {
        "scripted"
    }

    fn account(&self) -> Option<&Account> {
        None
    }

    async fn ask(&self, subject: &Subject) -> Answered {
        Answered {
            usage: Usage::default(),
            format: None,
            result: self.play(subject).await,
        }
    }
}

impl Scripted {
    async fn play(&self, subject: &Subject) -> Result<Caption, CaptionError> {
        let next = self.0.lock().unwrap().pop_front();
        match next {
            None => Describer::default().caption(subject).await,
            Some(Move::Stumble) => Err(CaptionError::Transient {
                reason: "the provider stumbled".to_owned(),
                retry_after: None,
            }),
            Some(Move::Broken) => Err(CaptionError::Permanent("the key is wrong".to_owned())),
            Some(Move::Refuse) => Err(CaptionError::Blocked("not this one".to_owned())),
            Some(Move::Panic) => panic!("no words for this"),
        }
    }
}

/// Signals that it has begun, and blocks until it is released.
pub(crate) struct Held {
    begun: Semaphore,
    go: Semaphore,
    text: &'static str,
}

impl Held {
    pub(crate) fn new(text: &'static str) -> Arc<Self> {
        Arc::new(Self {
            begun: Semaphore::new(0),
            go: Semaphore::new(0),
            text,
        })
    }

    /// Returns once a call blocks.
    pub(crate) async fn has_begun(&self) {
        self.begun.acquire().await.unwrap().forget();
    }

    pub(crate) fn let_go(&self) {
        self.go.add_permits(1);
    }
}

#[async_trait]
impl Captioner for Held {
    fn provider(&self) -> &'static str {
        "held"
    }

    fn account(&self) -> Option<&Account> {
        None
    }

    async fn ask(&self, subject: &Subject) -> Answered {
        self.begun.add_permits(1);
        self.go.acquire().await.unwrap().forget();
        let described = Describer::default().ask(subject).await;
        Answered {
            result: described.result.map(|caption| Caption {
                text: self.text.to_owned(),
                provider: "held".to_owned(),
                ..caption
            }),
            ..described
        }
    }
}

/// Panics on pictures of one width, and finds no face on others.
pub(crate) struct CrashesAtWidth(pub(crate) u32);

impl FaceDetector for CrashesAtWidth {
    fn name(&self) -> &str {
        "crashes"
    }

    fn detect(&self, picture: &Upright) -> Result<Detection, DetectError> {
        assert!(picture.width != self.0, "a face out of bounds");
        Ok(Detection::default())
    }
}

/// Finds what it is told to, on the original and on the copy.
#[derive(Clone)]
pub(crate) struct Finds {
    pub(crate) name: &'static str,
    pub(crate) first: Vec<Face>,
    pub(crate) again: Vec<Face>,
    pub(crate) is_turned: bool,
}

impl Finds {
    pub(crate) fn nothing() -> Self {
        Self {
            name: "finds 1",
            first: Vec::new(),
            again: Vec::new(),
            is_turned: false,
        }
    }

    pub(crate) fn sure(x: i32, y: i32, side: u32) -> Self {
        Self {
            first: vec![face(x, y, side, Certainty::Sure)],
            ..Self::nothing()
        }
    }
}

pub(crate) fn face(x: i32, y: i32, side: u32, certainty: Certainty) -> Face {
    Face {
        x,
        y,
        width: side,
        height: side,
        score: 0.8,
        certainty,
    }
}

impl FaceDetector for Finds {
    fn name(&self) -> &str {
        self.name
    }

    fn detect(&self, _: &Upright) -> Result<Detection, DetectError> {
        Ok(Detection {
            faces: self.first.clone(),
            is_turned: self.is_turned,
        })
    }

    fn look_again(&self, _: &Upright, _: &[[f32; 4]], _: bool) -> Result<Vec<Face>, DetectError> {
        Ok(self.again.clone())
    }
}

/// Blocks the thread until it is released, once; then finds what it is told to.
pub(crate) struct Slow {
    pub(crate) begun: std::sync::mpsc::SyncSender<()>,
    pub(crate) go: Mutex<std::sync::mpsc::Receiver<()>>,
    pub(crate) finds: Finds,
}

impl FaceDetector for Slow {
    fn name(&self) -> &str {
        self.finds.name
    }

    fn detect(&self, picture: &Upright) -> Result<Detection, DetectError> {
        // After the first time, nobody holds the other end.
        if self.begun.send(()).is_ok() {
            let _ = self.go.lock().unwrap().recv();
        }
        self.finds.detect(picture)
    }

    fn look_again(&self, _: &Upright, _: &[[f32; 4]], _: bool) -> Result<Vec<Face>, DetectError> {
        Ok(Vec::new())
    }
}
