//! Boxes around faces, and merging those that show the same face.

/// A candidate for a face: its box in pixels, and the network's score from 0 to 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Candidate {
    pub(super) left: f32,
    pub(super) top: f32,
    pub(super) right: f32,
    pub(super) bottom: f32,
    pub(super) score: f32,
}

impl Candidate {
    pub(super) fn height(&self) -> f32 {
        self.bottom - self.top
    }

    fn area(&self) -> f32 {
        (self.right - self.left) * self.height()
    }

    fn shared(&self, other: &Self) -> f32 {
        let width = self.right.min(other.right) - self.left.max(other.left);
        let height = self.bottom.min(other.bottom) - self.top.max(other.top);
        width.max(0.0) * height.max(0.0)
    }

    /// Intersection over union.
    pub(super) fn overlap(&self, other: &Self) -> f32 {
        let shared = self.shared(other);
        shared / (self.area() + other.area() - shared)
    }

    /// The share of this box that is inside the other one.
    pub(super) fn share_inside(&self, other: &Self) -> f32 {
        self.shared(other) / self.area()
    }

    pub(super) fn moved(&self, right: f32, down: f32) -> Self {
        Self {
            left: self.left + right,
            top: self.top + down,
            right: self.right + right,
            bottom: self.bottom + down,
            score: self.score,
        }
    }

    pub(super) fn scaled(&self, (across, down): (f32, f32)) -> Self {
        Self {
            left: self.left * across,
            top: self.top * down,
            right: self.right * across,
            bottom: self.bottom * down,
            score: self.score,
        }
    }
}

/// Non-maximum suppression: best first, without boxes that overlap a better one by more than `most`.
pub(super) fn distinct(mut candidates: Vec<Candidate>, most: f32) -> Vec<Candidate> {
    candidates.sort_by(|a, b| b.score.total_cmp(&a.score));
    let mut kept: Vec<Candidate> = Vec::new();
    for candidate in candidates {
        if kept.iter().all(|better| better.overlap(&candidate) <= most) {
            kept.push(candidate);
        }
    }
    kept
}

/// A candidate, and the index of the size at which it was found.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Sighting {
    pub(super) candidate: Candidate,
    pub(super) size: usize,
}

/// The best candidate for a face.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Found {
    pub(super) candidate: Candidate,
    size: usize,
    /// The best score of the same face at another size; zero if it was found at one only.
    pub(super) second: f32,
}

/// Boxes from two sizes that overlap more than this confirm each other.
const CONFIRMS: f32 = 0.4;
/// Boxes that overlap more than this show the same face.
const SAME: f32 = 0.3;
/// A box with a larger share inside a better one is a part of that face. The mosaic, which is larger
/// than the box, covers it.
const PART: f32 = 0.6;
/// A box that contains this share of a better one is another face only if ...
const INSIDE: f32 = 0.8;
/// ... it scores as much.
const BY_ITSELF: f32 = 0.7;

/// Each face once, best first.
pub(super) fn merged(mut sightings: Vec<Sighting>) -> Vec<Found> {
    sightings.sort_by(|a, b| b.candidate.score.total_cmp(&a.candidate.score));
    let mut found: Vec<Found> = Vec::new();
    for Sighting { candidate, size } in sightings {
        let mut known = false;
        for better in &mut found {
            let overlap = better.candidate.overlap(&candidate);
            if overlap > CONFIRMS && better.size != size {
                better.second = better.second.max(candidate.score);
            }
            known |= overlap > SAME
                || candidate.share_inside(&better.candidate) > PART
                || better.candidate.share_inside(&candidate) > INSIDE
                    && candidate.score < BY_ITSELF;
        }
        if !known {
            found.push(Found {
                candidate,
                size,
                second: 0.0,
            });
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::{Candidate, Sighting, distinct, merged};

    fn square(left: f32, top: f32, side: f32, score: f32) -> Candidate {
        Candidate {
            left,
            top,
            right: left + side,
            bottom: top + side,
            score,
        }
    }

    fn seen(candidate: Candidate, size: usize) -> Sighting {
        Sighting { candidate, size }
    }

    #[test]
    fn overlap_is_the_shared_part_of_the_union() {
        let one = square(0.0, 0.0, 10.0, 0.5);
        assert_eq!(one.overlap(&one), 1.0);
        assert_eq!(one.overlap(&square(5.0, 0.0, 10.0, 0.5)), 50.0 / 150.0);
        assert_eq!(one.overlap(&square(10.0, 0.0, 10.0, 0.5)), 0.0);
        assert_eq!(square(2.0, 2.0, 4.0, 0.5).share_inside(&one), 1.0);
        assert_eq!(one.share_inside(&square(0.0, 0.0, 5.0, 0.5)), 0.25);
    }

    #[test]
    fn the_best_of_overlapping_boxes_is_kept() {
        let best = square(1.0, 0.0, 10.0, 0.9);
        let other = square(30.0, 0.0, 10.0, 0.4);
        let boxes = vec![square(0.0, 0.0, 10.0, 0.6), other, best];
        assert_eq!(distinct(boxes, 0.5), [best, other]);
    }

    #[test]
    fn a_face_seen_at_two_sizes_is_one_with_a_second_score() {
        let found = merged(vec![
            seen(square(0.0, 0.0, 20.0, 0.5), 1),
            seen(square(0.0, 0.0, 20.0, 0.8), 0),
            seen(square(0.0, 0.0, 20.0, 0.7), 0),
        ]);
        assert_eq!(found.len(), 1);
        assert_eq!((found[0].candidate.score, found[0].second), (0.8, 0.5));
    }

    #[test]
    fn a_part_of_a_face_is_not_a_second_face() {
        let face = seen(square(0.0, 0.0, 100.0, 0.9), 0);
        let part = seen(square(70.0, 70.0, 40.0, 0.6), 1);
        assert_eq!(merged(vec![part, face]).len(), 2, "half of it is outside");
        let part = seen(square(60.0, 60.0, 40.0, 0.6), 1);
        assert_eq!(merged(vec![part, face]).len(), 1);
    }

    #[test]
    fn a_weak_box_around_a_face_is_dropped_and_a_strong_one_is_kept() {
        let face = seen(square(40.0, 40.0, 20.0, 0.9), 0);
        assert_eq!(
            merged(vec![face, seen(square(0.0, 0.0, 100.0, 0.6), 1)]).len(),
            1
        );
        assert_eq!(
            merged(vec![face, seen(square(0.0, 0.0, 100.0, 0.8), 1)]).len(),
            2
        );
    }
}
