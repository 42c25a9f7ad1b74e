//! The half of the earth on which a photo was taken. It is all that is taken from its coordinates.

use serde::{Deserialize, Serialize};

/// The tropics reach from the equator to here, in degrees, rounded up.
const TROPICS: f64 = 23.5;

/// Half of the earth. The tropics count as neither: they have no summer and winter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Hemisphere {
    Northern,
    Southern,
}

impl Hemisphere {
    /// From `GPSLatitudeRef` and the latitude without a sign.
    pub(super) fn of(letter: &[u8], degrees: f64) -> Option<Self> {
        if degrees <= TROPICS || degrees > 90.0 {
            return None;
        }
        match letter {
            b"N" => Some(Self::Northern),
            b"S" => Some(Self::Southern),
            _ => None,
        }
    }
}
