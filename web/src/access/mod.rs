//! Access control. Every route asks this module; no other code looks at passwords, session cookies
//! or the settings about public access.

mod client;
mod credentials;
pub mod disclosure;
mod guard;
mod policy;
mod rate;
pub(crate) mod sessions;
mod throttle;
pub(crate) mod tokens;

use axum::extract::{FromRef, FromRequestParts};
use axum::http::request::Parts;
use axum_extra::extract::cookie::{Cookie, CookieJar};
use entity::api_token::Scope;
use entity::image;
use platform::objects::ObjectKey;
use platform::settings::{PublicRendition, Uploads};

use self::disclosure::Insight;
use self::tokens::TokenHolder;
use crate::problem::Problem;
use crate::problem_kind::ProblemKind;

pub(crate) use client::identify;
pub use client::{Client, Proxies};
pub(crate) use credentials::{Credential, Credentials};
pub use disclosure::{Disclosure, Fact, Moment};
pub(crate) use guard::refuse_strangers;
pub use policy::Policy;
pub use rate::VisitorRates;
pub use sessions::Sessions;
pub use tokens::Tokens;
pub(crate) use tokens::authenticate;

/// The cookie that holds the token of a session.
pub(crate) const COOKIE: &str = "vitrine_session";

/// The cookie of a browser that was signed in before.
pub(crate) const BROWSER_COOKIE: &str = "vitrine_browser";

/// The role of a client. There are no accounts yet, so there are no members between these.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// May do everything.
    Admin,
    /// A program with a token of this scope.
    Program(Scope),
    /// Sees what is public.
    Visitor,
}

/// What a permission is needed for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Put photos in.
    Upload,
    /// Write on the message board.
    PostMessage,
    /// Change, retry and delete images.
    Manage,
    /// See originals, file names, checksums, why a step failed, and what captions cost.
    SeeDetails,
    /// Make, list and revoke tokens.
    ManageTokens,
}

/// The pictures of an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rendition {
    /// The photo as it was uploaded.
    Original,
    /// A small picture for lists.
    Thumbnail,
    /// The copy without recognisable faces.
    Anonymised,
}

impl Rendition {
    /// The name in URLs.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Original => "original",
            Self::Thumbnail => "thumbnail",
            Self::Anonymised => "anonymised",
        }
    }

    /// The rendition with this name.
    pub fn parse(name: &str) -> Option<Self> {
        [Self::Original, Self::Thumbnail, Self::Anonymised]
            .into_iter()
            .find(|rendition| rendition.as_str() == name)
    }
}

/// The sender of a request, with a role.
#[derive(Clone, Debug)]
pub struct Viewer {
    role: Role,
    name: Option<String>,
    policy: Policy,
    credential: Credential,
}

impl Viewer {
    fn visitor(policy: Policy) -> Self {
        Self {
            role: Role::Visitor,
            name: None,
            policy,
            credential: Credential::None,
        }
    }

    /// Somebody who sees what visitors see.
    pub fn as_visitor(&self) -> Self {
        Self::visitor(self.policy)
    }

    fn admin(name: impl Into<String>, policy: Policy) -> Self {
        Self {
            role: Role::Admin,
            name: Some(name.into()),
            policy,
            credential: Credential::None,
        }
    }

    /// The prefix keeps a token's name apart from a person's.
    fn program(holder: &TokenHolder, policy: Policy) -> Self {
        Self {
            role: Role::Program(holder.scope),
            name: Some(format!("token:{}", holder.name)),
            policy,
            credential: Credential::Token(holder.id),
        }
    }

    /// Their role.
    pub fn role(&self) -> Role {
        self.role
    }

    /// Their name; visitors have none.
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// The same for all who are shown the same.
    pub(crate) fn kind(&self) -> String {
        let name = self.name().unwrap_or_default();
        format!("{:?} {name}", self.role)
    }

    /// What the request came with.
    pub(crate) fn credential(&self) -> &Credential {
        &self.credential
    }

    /// Whether they can sign out.
    pub fn is_signed_in(&self) -> bool {
        self.role == Role::Admin && self.policy.needs_password
    }

    /// Whether signing in would change anything.
    pub fn can_sign_in(&self) -> bool {
        self.role == Role::Visitor && self.policy.needs_password
    }

    /// Whether they may do it.
    pub fn may(&self, action: Action) -> bool {
        match (self.role, action) {
            (Role::Admin, _) => true,
            (Role::Program(_), Action::ManageTokens) => false,
            (Role::Program(Scope::Manage), _) => true,
            (Role::Program(Scope::Read), action) => action == Action::SeeDetails,
            (Role::Program(Scope::Upload), Action::Upload) => true,
            (
                Role::Program(Scope::Upload) | Role::Visitor,
                Action::Upload | Action::PostMessage,
            ) => self.policy.uploads == Uploads::Anyone,
            (Role::Program(Scope::Upload) | Role::Visitor, _) => false,
        }
    }

    /// Refuses the action if they may not do it.
    pub fn require(&self, action: Action) -> Result<(), Problem> {
        if self.may(action) {
            Ok(())
        } else {
            Err(self.refusal())
        }
    }

    fn refusal(&self) -> Problem {
        match self.role {
            Role::Visitor => Problem::new(
                ProblemKind::NotSignedIn,
                "this is for those who are signed in; sign in, or send a token, and try again",
            )
            .with_challenge("Bearer"),
            Role::Program(scope) => Problem::new(
                ProblemKind::NotAllowed,
                format!(
                    "the scope of this token, {}, does not permit this",
                    scope.as_str()
                ),
            )
            .with_challenge("Bearer error=\"insufficient_scope\""),
            Role::Admin => Problem::new(ProblemKind::NotAllowed, "you may not do this"),
        }
    }

    /// Whether they may see the original of this image, its file name and similar details. Tokens
    /// that only upload see those of their own uploads.
    pub fn sees_details_of(&self, image: &image::Model) -> bool {
        let is_program = matches!(self.role, Role::Program(_));
        let is_own = is_program && self.name == image.uploaded_by;
        self.may(Action::SeeDetails) || (is_own && self.may(Action::Upload))
    }

    /// Which images they see.
    pub fn audience(&self) -> image::Audience {
        match (self.may(Action::SeeDetails), &self.name) {
            (true, _) => image::Audience::Staff,
            (false, Some(name)) => image::Audience::Uploader(name.clone()),
            (false, None) => image::Audience::Public,
        }
    }

    /// Whether they see anything of this image.
    pub fn sees(&self, image: &image::Model) -> bool {
        image.is_visible_to(&self.audience())
    }

    /// The image as they may know it.
    pub fn disclosure<'a>(&self, image: &'a image::Model) -> Disclosure<'a> {
        let insight = if self.sees_details_of(image) {
            Insight::Trusted
        } else if self.sees_original_of(image) {
            Insight::PublicOriginal
        } else {
            Insight::Copy
        };
        Disclosure::new(image, insight)
    }

    fn sees_original_of(&self, image: &image::Model) -> bool {
        self.policy.public_rendition == PublicRendition::Original || self.sees_details_of(image)
    }

    /// The object to send to this viewer for a rendition; none if it does not exist yet. Visitors
    /// get the public rendition and a thumbnail of that.
    ///
    /// # Errors
    /// If they may not see this rendition at all.
    pub fn rendition(
        &self,
        image: &image::Model,
        rendition: Rendition,
    ) -> Result<Option<ObjectKey>, Problem> {
        if !self.sees(image) {
            return Ok(None);
        }
        let sees_originals = self.sees_original_of(image);
        let is_anonymised = image.copy_version.is_some();
        let key = match (rendition, sees_originals) {
            (Rendition::Original, true) => ObjectKey::parse(&image.object_key).ok(),
            (Rendition::Original, false) => return Err(self.refusal()),
            (Rendition::Thumbnail, true) => image
                .thumbhash
                .is_some()
                .then(|| ObjectKey::thumbnail(image.id)),
            (Rendition::Thumbnail, false) => {
                is_anonymised.then(|| ObjectKey::anonymised_thumbnail(image.id, image.copy_id))
            }
            (Rendition::Anonymised, _) => {
                is_anonymised.then(|| ObjectKey::anonymised(image.id, image.copy_id))
            }
        };
        Ok(key)
    }

    /// The picture that visitors see.
    pub fn public_rendition(&self) -> Rendition {
        match self.policy.public_rendition {
            PublicRendition::Anonymised => Rendition::Anonymised,
            PublicRendition::Original => Rendition::Original,
        }
    }

    /// The step that makes the thumbnail for this viewer.
    pub fn thumbnail_step(&self, image: &image::Model) -> entity::step::StepKind {
        if self.sees_original_of(image) {
            entity::step::StepKind::Thumbnail
        } else {
            entity::step::StepKind::Anonymise
        }
    }
}

impl<S> FromRequestParts<S> for Viewer
where
    S: Send + Sync,
    Policy: FromRef<S>,
    Sessions: FromRef<S>,
{
    type Rejection = Problem;

    /// The database is asked once a request.
    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        if let Some(viewer) = parts.extensions.get::<Self>() {
            return Ok(viewer.clone());
        }
        let viewer = Self::of(parts, state).await?;
        parts.extensions.insert(viewer.clone());
        Ok(viewer)
    }
}

impl Viewer {
    async fn of<S>(parts: &Parts, state: &S) -> Result<Self, Problem>
    where
        Policy: FromRef<S>,
        Sessions: FromRef<S>,
    {
        let policy = Policy::from_ref(state);
        if let Some(holder) = parts.extensions.get::<TokenHolder>() {
            return Ok(Self::program(holder, policy));
        }
        if !policy.needs_password {
            return Ok(Self::admin("admin", policy));
        }
        let jar = CookieJar::from_headers(&parts.headers);
        let session = match session_token(&jar) {
            Some(token) => Sessions::from_ref(state).find(token).await?,
            None => None,
        };
        Ok(match session {
            Some(session) => Self {
                credential: Credential::Session(session.id),
                ..Self::admin(session.user_name, policy)
            },
            None => Self::visitor(policy),
        })
    }
}

/// The session's token, if the browser sent one.
pub(crate) fn session_token(jar: &CookieJar) -> Option<&str> {
    named_cookie(jar, COOKIE)
}

/// The cookie that names a browser which was signed in before.
pub(crate) fn known_browser(jar: &CookieJar) -> Option<&str> {
    named_cookie(jar, BROWSER_COOKIE)
}

/// One of this server's cookies. Over HTTPS their names begin with `__Host-`.
fn named_cookie<'a>(jar: &'a CookieJar, name: &str) -> Option<&'a str> {
    jar.get(&format!("__Host-{name}"))
        .or_else(|| jar.get(name))
        .map(Cookie::value)
}
