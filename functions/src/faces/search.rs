//! The first search of a picture: YuNet-s at several sizes and in several directions, and the rules
//! that turn its findings into faces.

use std::borrow::Cow;

use super::boxes::{Candidate, Found, Sighting, distinct, merged};
use super::directions::Direction;
use super::light::Light;
use super::pixels::{Levels, Pixels};
use super::pyramid::{Size, Tile, sizes};
use super::tilt::Tilt;
use super::yunet::Network;
use super::{Certainty, Detection, Face};
use crate::picture::{Upright, resized};

/// Candidates with a lower score at one size and direction are dropped.
pub(super) const FLOOR: f32 = 0.2;
/// Boxes of one size and direction that overlap more than this are one.
pub(super) const SAME: f32 = 0.5;
/// Boxes of less height, in pixels of the size at which they were found, are mostly grain. At the
/// largest sizes they are kept, because no larger size could find them.
const MIN_HEIGHT: f32 = 14.0;
pub(super) const MIN_HEIGHT_AT_LARGE: f32 = 8.0;
/// Long sides from which sizes count as large.
const LARGE: f32 = 1900.0;

/// A candidate with this score at any size is a face ...
const SURE: f32 = 0.7;
/// ... and so is one with these scores at two sizes.
const SURE_TWICE: (f32, f32) = (0.5, 0.4);
/// The same for an uncertain face: it is covered, and a person should look at it.
const UNCERTAIN: f32 = 0.45;
const UNCERTAIN_TWICE: (f32, f32) = (0.35, 0.3);

/// The judgement of a box by its best score and its score at another size; none if they are too low.
fn certainty(score: f32, second: f32) -> Option<Certainty> {
    let reaches =
        |once: f32, twice: (f32, f32)| score >= once || score >= twice.0 && second >= twice.1;
    if reaches(SURE, SURE_TWICE) {
        Some(Certainty::Sure)
    } else if reaches(UNCERTAIN, UNCERTAIN_TWICE) {
        Some(Certainty::Uncertain)
    } else {
        None
    }
}

/// The long side at which other directions are probed.
const PROBE: f32 = 448.0;
/// Candidates with a lower score are no evidence for a direction.
const EVIDENCE: f32 = 0.5;
/// A direction is searched at all sizes if its probe has this much more evidence than the upright
/// search ...
const TURNS: f32 = 0.3;
/// ... and at least this share of the best direction's. Otherwise the upright search already finds
/// most faces: the network sees even upside-down ones if they are large.
const LIKELY: f32 = 0.8;
/// Directions with a smaller share are implausible: only candidates that are faces by one score count
/// there.
const PLAUSIBLE: f32 = 0.5;

/// Faces that stand upright mostly score 0.92 and more. If of some faces the middle one scores less
/// than this, the picture may be tilted ...
const TILTED: f32 = 0.9;
const SOME: usize = 3;
/// ... and is searched turned by half a right angle, first at the smaller of these sizes.
const TILTED_LONG_SIDES: [f32; 2] = [640.0, 1280.0];

/// One search of one picture.
pub(super) struct Search<'a> {
    network: &'a Network,
    picture: &'a Upright,
    pub(super) light: Light,
    pub(super) sizes: Vec<Size>,
    /// The picture at those sizes that fit into one tile.
    copies: Vec<Option<Upright>>,
}

impl<'a> Search<'a> {
    pub(super) fn new(network: &'a Network, picture: &'a Upright) -> Self {
        Self::at_sizes(network, picture, sizes(picture))
    }

    /// A search at these sizes, the largest first.
    pub(super) fn at_sizes(network: &'a Network, picture: &'a Upright, sizes: Vec<Size>) -> Self {
        let mut copies: Vec<Option<Upright>> = Vec::new();
        for size in &sizes {
            let copy = (size.tiles().len() == 1).then(|| {
                let source = copies.iter().rev().flatten().next().unwrap_or(picture);
                piece(source, *size, size.whole()).into_owned()
            });
            copies.push(copy);
        }
        let smallest = copies.iter().rev().flatten().next().unwrap_or(picture);
        Self {
            light: Light::of(smallest),
            network,
            picture,
            sizes,
            copies,
        }
    }

    /// Searches all sizes and directions.
    pub(super) fn detection(&self) -> Detection {
        let (found, is_turned) = self.run();
        let faces = found.into_iter().filter_map(|found| {
            let certainty = certainty(found.candidate.score, found.second)?;
            face(self.picture, &found.candidate, certainty)
        });
        Detection {
            faces: faces.collect(),
            is_turned,
        }
    }

    /// Everything that may be a face, each once and best first; and whether faces stand upright in another
    /// direction.
    fn run(&self) -> (Vec<Found>, bool) {
        let upright = self.everywhere(Direction::Upright);
        let evidence_upright = (0..self.sizes.len())
            .map(|n| evidence(upright.iter().filter(|sighting| sighting.size == n)))
            .fold(0.0, f32::max);
        let probes = Direction::TURNED.map(|direction| {
            let probe = self.probe(direction);
            (direction, evidence(&probe), probe)
        });
        let best = probes
            .iter()
            .map(|(_, evidence, _)| *evidence)
            .fold(evidence_upright, f32::max);

        let mut sightings = trusted(upright, evidence_upright, best);
        let mut is_turned = false;
        for (direction, evidence, probe) in probes {
            if evidence > evidence_upright + TURNS && evidence >= LIKELY * best {
                is_turned = true;
                sightings.extend(trusted(self.everywhere(direction), evidence, best));
            } else {
                sightings.extend(trusted(probe, 0.0, best));
            }
        }
        if let Some(shadows) = &self.light.shadows {
            let size = self.sizes.len().saturating_sub(3);
            sightings.extend(self.at(size, Direction::Upright, shadows));
        }
        if looks_tilted(&merged(sightings.clone())) {
            for tilt in Tilt::BOTH {
                let seen = self.tilted(tilt, TILTED_LONG_SIDES[0]);
                let evidence = evidence(&seen);
                let tilts = evidence > best + TURNS;
                sightings.extend(trusted(seen, if tilts { evidence } else { 0.0 }, best));
                if tilts {
                    sightings.extend(self.tilted(tilt, TILTED_LONG_SIDES[1]));
                }
            }
        }
        (merged(sightings), is_turned)
    }

    /// The candidates in the picture turned by half a right angle.
    fn tilted(&self, tilt: Tilt, long_side: f32) -> Vec<Sighting> {
        let size = Size::with_long_side(self.picture, long_side);
        if size.tiles().len() > 1 {
            return Vec::new();
        }
        let piece = piece(self.source(size), size, size.whole());
        let turned = tilt.turned(&piece);
        let pixels = Pixels {
            width: turned.width as usize,
            height: turned.height as usize,
            rgb: turned.rgb(),
            levels: &self.light.usual,
        };
        let candidates = self.network.candidates(&pixels, FLOOR);
        let restored = candidates
            .into_iter()
            .filter(|candidate| candidate.height() >= MIN_HEIGHT_AT_LARGE)
            .map(|candidate| tilt.restored(candidate, &piece));
        let scale = self.scale(size);
        distinct(restored.collect(), SAME)
            .into_iter()
            .map(|candidate| Sighting {
                candidate: candidate.scaled(scale),
                // Of no size in particular: what is seen so confirms what is seen upright.
                size: usize::MAX - long_side as usize,
            })
            .collect()
    }

    fn scale(&self, size: Size) -> (f32, f32) {
        (
            self.picture.width as f32 / size.width as f32,
            self.picture.height as f32 / size.height as f32,
        )
    }

    /// The candidates at all sizes in one direction.
    fn everywhere(&self, direction: Direction) -> Vec<Sighting> {
        (0..self.sizes.len())
            .flat_map(|size| self.at(size, direction, &self.light.usual))
            .collect()
    }

    pub(super) fn at(&self, size: usize, direction: Direction, levels: &Levels) -> Vec<Sighting> {
        let long_side = self.sizes[size].width.max(self.sizes[size].height);
        let min_height = if long_side as f32 >= LARGE || size == 0 {
            MIN_HEIGHT_AT_LARGE
        } else {
            MIN_HEIGHT
        };
        self.found(self.sizes[size], direction, levels, min_height)
            .into_iter()
            .map(|candidate| Sighting { candidate, size })
            .collect()
    }

    fn probe(&self, direction: Direction) -> Vec<Sighting> {
        let size = Size::with_long_side(self.picture, PROBE);
        self.found(size, direction, &self.light.usual, MIN_HEIGHT_AT_LARGE)
            .into_iter()
            .map(|candidate| Sighting {
                candidate,
                size: usize::MAX,
            })
            .collect()
    }

    /// The candidates at one size, in pixels of the picture.
    fn found(
        &self,
        size: Size,
        direction: Direction,
        levels: &Levels,
        min_height: f32,
    ) -> Vec<Candidate> {
        let mut found = Vec::new();
        let source = self.source(size);
        for tile in size.tiles() {
            let piece = piece(source, size, tile);
            let whole = (piece.width as f32, piece.height as f32);
            let turned = match direction {
                Direction::Upright => piece,
                _ => Cow::Owned(direction.turned(piece.into_owned())),
            };
            let pixels = Pixels {
                width: turned.width as usize,
                height: turned.height as usize,
                rgb: turned.rgb(),
                levels,
            };
            let candidates = self.network.candidates(&pixels, FLOOR);
            let placed = candidates
                .into_iter()
                .filter(|candidate| candidate.height() >= min_height)
                .map(|candidate| direction.restored(candidate, whole))
                .map(|candidate| candidate.moved(tile.left as f32, tile.top as f32))
                .filter(|candidate| !tile.cuts(candidate, size));
            found.extend(placed);
        }
        let scale = self.scale(size);
        distinct(found, SAME)
            .into_iter()
            .map(|candidate| candidate.scaled(scale))
            .collect()
    }

    /// The smallest copy of the picture that is not smaller than `size`.
    fn source(&self, size: Size) -> &Upright {
        self.copies
            .iter()
            .rev()
            .flatten()
            .find(|copy| copy.width >= size.width && copy.height >= size.height)
            .unwrap_or(self.picture)
    }
}

/// Whether the certain faces score less than upright faces usually do.
fn looks_tilted(found: &[Found]) -> bool {
    let sure: Vec<f32> = found
        .iter()
        .filter(|found| certainty(found.candidate.score, found.second) == Some(Certainty::Sure))
        .map(|found| found.candidate.score)
        .collect();
    sure.len() >= SOME && sure[sure.len() / 2] < TILTED
}

/// The sum of all scores that are evidence for a direction.
fn evidence<'a>(sightings: impl IntoIterator<Item = &'a Sighting>) -> f32 {
    sightings
        .into_iter()
        .map(|sighting| sighting.candidate.score)
        .filter(|score| *score >= EVIDENCE)
        .sum()
}

/// In implausible directions, only candidates that are faces by one score.
fn trusted(sightings: Vec<Sighting>, evidence: f32, best: f32) -> Vec<Sighting> {
    let likely = evidence >= PLAUSIBLE * best;
    sightings
        .into_iter()
        .filter(|sighting| likely || sighting.candidate.score >= SURE)
        .collect()
}

/// The part of a picture that a tile of a size shows, in whole pixels of the picture. It is cut
/// out first: the resizer's own cropping reads outside its memory at the right edge.
fn piece(source: &Upright, size: Size, tile: Tile) -> Cow<'_, Upright> {
    let from = (source.width, source.height);
    if tile == size.whole() {
        return if from == (size.width, size.height) {
            Cow::Borrowed(source)
        } else {
            Cow::Owned(resized(source, size.width, size.height))
        };
    }
    let part = |start: u32, length: u32, from: u32, to: u32| {
        let scale = f64::from(from) / f64::from(to);
        let first = (f64::from(start) * scale).floor() as u32;
        let end = (f64::from(start + length) * scale).ceil() as u32;
        let first = first.min(from - 1);
        first as usize..end.clamp(first + 1, from) as usize
    };
    let columns = part(tile.left, tile.width, source.width, size.width);
    let rows = part(tile.top, tile.height, source.height, size.height);
    let mut rgb = Vec::with_capacity(columns.len() * rows.len() * 3);
    for row in source
        .rgb()
        .chunks_exact(source.width as usize * 3)
        .take(rows.end)
        .skip(rows.start)
    {
        rgb.extend_from_slice(&row[columns.start * 3..columns.end * 3]);
    }
    let cut = Upright::new(columns.len() as u32, rows.len() as u32, rgb)
        .expect("a part of a picture has pixels");
    Cow::Owned(resized(&cut, tile.width, tile.height))
}

/// A candidate as a face in whole pixels, cut off at the picture's edges; none if it is outside.
pub(super) fn face(picture: &Upright, found: &Candidate, certainty: Certainty) -> Option<Face> {
    let Candidate {
        left,
        top,
        right,
        bottom,
        score,
    } = *found;
    let (x, width) = span(left, right, picture.width)?;
    let (y, height) = span(top, bottom, picture.height)?;
    Some(Face {
        x,
        y,
        width,
        height,
        score,
        certainty,
    })
}

/// One side of a box as its start and length, rounded outwards.
fn span(from: f32, to: f32, limit: u32) -> Option<(i32, u32)> {
    let from = from.floor().clamp(0.0, limit as f32) as u32;
    let to = to.ceil().clamp(0.0, limit as f32) as u32;
    (from < to).then_some((from.cast_signed(), to - from))
}

#[cfg(test)]
mod tests {
    use super::{Certainty, certainty, span};

    #[test]
    fn a_second_size_lowers_the_score_that_is_needed() {
        assert_eq!(certainty(0.7, 0.0), Some(Certainty::Sure));
        assert_eq!(certainty(0.6, 0.0), Some(Certainty::Uncertain));
        assert_eq!(certainty(0.5, 0.4), Some(Certainty::Sure));
        assert_eq!(certainty(0.36, 0.36), Some(Certainty::Uncertain));
        assert_eq!(certainty(0.36, 0.0), None);
    }

    #[test]
    fn boxes_stay_inside_the_picture() {
        assert_eq!(span(-10.0, 20.0, 100), Some((0, 20)));
        assert_eq!(span(90.5, 120.0, 100), Some((90, 10)));
        assert_eq!(span(100.0, 130.0, 100), None);
        assert_eq!(span(5.2, 15.2, 100), Some((5, 11)));
    }
}
