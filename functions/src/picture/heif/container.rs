//! The boxes of a HEIF file (ISO/IEC 14496-12 and 23008-12), as far as its primary picture needs
//! them. Nothing is copied, and lists are as long as [`MAX_PARTS`] at most.

use std::borrow::Cow;
use std::collections::BTreeMap;

use super::super::Refusal;
use super::super::limits::{MAX_PARTS, MAX_PROFILE};

/// The name of a box, an item's kind or a reference's.
pub(super) type Name = [u8; 4];

/// The contents of the `meta` box.
#[derive(Debug)]
pub(super) struct Container<'a> {
    bytes: &'a [u8],
    /// The item that is the picture.
    pub(super) primary: u32,
    kinds: BTreeMap<u32, Name>,
    places: BTreeMap<u32, Place>,
    properties: Vec<(Name, &'a [u8])>,
    associations: BTreeMap<u32, Vec<u16>>,
    references: Vec<Reference>,
    /// Item data inside the `meta` box (`idat`).
    inner: &'a [u8],
}

/// The location of an item's contents.
#[derive(Debug)]
struct Place {
    inside_meta: bool,
    extents: Vec<(u64, u64)>,
}

/// An item that refers to others.
#[derive(Debug)]
struct Reference {
    kind: Name,
    from: u32,
    to: Vec<u32>,
}

/// Bytes that are read from the front.
#[derive(Clone, Copy)]
pub(super) struct Reader<'a>(pub(super) &'a [u8]);

impl<'a> Reader<'a> {
    pub(super) fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }

    /// A number of this many bytes, eight at most.
    pub(super) fn number(&mut self, length: usize) -> Option<u64> {
        let bytes = self.take(length)?;
        Some(bytes.iter().fold(0, |n, byte| n << 8 | u64::from(*byte)))
    }

    /// A number of two bytes, or of four if `wide`.
    fn id(&mut self, wide: bool) -> Option<u32> {
        self.number(if wide { 4 } else { 2 }).map(|id| id as u32)
    }

    /// Version and flags of a full box.
    pub(super) fn full_box(&mut self) -> Option<(u8, u32)> {
        let version = self.number(1)? as u8;
        Some((version, self.number(3)? as u32))
    }
}

/// The boxes that follow each other in these bytes. The last one may be cut short by their end.
pub(super) fn boxes(bytes: &[u8]) -> impl Iterator<Item = (Name, &[u8])> {
    lengths_and_boxes(bytes).map(|(_, name, body)| (name, body))
}

/// The same with the length that each says its body has.
fn lengths_and_boxes(bytes: &[u8]) -> impl Iterator<Item = (u64, Name, &[u8])> {
    let mut reader = Reader(bytes);
    std::iter::from_fn(move || {
        let short = reader.number(4)?;
        let name: Name = reader.take(4)?.try_into().ok()?;
        let length = match short {
            0 => reader.0.len() as u64,
            1 => reader.number(8)?.checked_sub(16)?,
            length => length.checked_sub(8)?,
        };
        let fits = usize::try_from(length).unwrap_or(usize::MAX);
        let body = reader.take(fits.min(reader.0.len()))?;
        Some((length, name, body))
    })
    .take(MAX_PARTS)
}

impl<'a> Container<'a> {
    /// Reads the `meta` box.
    pub(super) fn read(bytes: &'a [u8]) -> Result<Self, Refusal> {
        let Some((length, _, meta)) = lengths_and_boxes(bytes).find(|it| &it.1 == b"meta") else {
            return Err(match boxes(bytes).any(|(name, _)| &name == b"moov") {
                true => Refusal::unsupported("a sequence of pictures without a still one"),
                false => Refusal::truncated(),
            });
        };
        if length > meta.len() as u64 {
            return Err(Refusal::truncated());
        }
        let mut container = Self {
            bytes,
            primary: 0,
            kinds: BTreeMap::new(),
            places: BTreeMap::new(),
            properties: Vec::new(),
            associations: BTreeMap::new(),
            references: Vec::new(),
            inner: &[],
        };
        match container.read_meta(meta) {
            Some(()) => Ok(container),
            None => Err(Refusal::damaged("its boxes make no sense")),
        }
    }

    fn read_meta(&mut self, meta: &'a [u8]) -> Option<()> {
        let mut reader = Reader(meta);
        reader.full_box()?;
        for (name, body) in boxes(reader.0) {
            match &name {
                b"pitm" => {
                    let mut reader = Reader(body);
                    let (version, _) = reader.full_box()?;
                    self.primary = reader.id(version > 0)?;
                }
                b"iinf" => self.read_kinds(body)?,
                b"iloc" => self.read_places(body)?,
                b"iprp" => {
                    for (name, body) in boxes(body) {
                        match &name {
                            b"ipco" => self.properties = boxes(body).collect(),
                            b"ipma" => self.read_associations(body)?,
                            _ => {}
                        }
                    }
                }
                b"iref" => self.read_references(body)?,
                b"idat" => self.inner = body,
                _ => {}
            }
        }
        self.kinds.contains_key(&self.primary).then_some(())
    }

    fn read_kinds(&mut self, body: &[u8]) -> Option<()> {
        let mut reader = Reader(body);
        let (version, _) = reader.full_box()?;
        reader.id(version > 0)?;
        for (name, body) in boxes(reader.0) {
            let mut reader = Reader(body);
            let (version, _) = reader.full_box()?;
            if &name == b"infe" && version >= 2 {
                let id = reader.id(version > 2)?;
                reader.take(2)?;
                self.kinds.insert(id, reader.take(4)?.try_into().ok()?);
            }
        }
        Some(())
    }

    fn read_places(&mut self, body: &[u8]) -> Option<()> {
        let mut reader = Reader(body);
        let (version, _) = reader.full_box()?;
        let sizes = reader.number(2)?;
        let size = |shift: u32| (sizes >> shift & 0xF) as usize;
        let (offset, length, base) = (size(12), size(8), size(4));
        let index = if version > 0 { size(0) } else { 0 };
        if [offset, length, base, index].iter().any(|size| *size > 8) {
            return None;
        }
        let count = reader.id(version > 1)? as usize;
        let mut extents_left = 4 * MAX_PARTS;
        for _ in 0..count.min(MAX_PARTS) {
            let id = reader.id(version > 1)?;
            let method = if version > 0 {
                reader.number(2)? & 0xF
            } else {
                0
            };
            reader.take(2)?;
            let start = reader.number(base)?;
            let count = reader.number(2)? as usize;
            extents_left = extents_left.checked_sub(count)?;
            let mut extents = Vec::with_capacity(count);
            for _ in 0..count {
                reader.take(index)?;
                let at = start.checked_add(reader.number(offset)?)?;
                extents.push((at, reader.number(length)?));
            }
            if method < 2 {
                let inside_meta = method == 1;
                self.places.insert(
                    id,
                    Place {
                        inside_meta,
                        extents,
                    },
                );
            }
        }
        Some(())
    }

    fn read_associations(&mut self, body: &[u8]) -> Option<()> {
        let mut reader = Reader(body);
        let (version, flags) = reader.full_box()?;
        let count = reader.number(4)? as usize;
        let mut left = 16 * MAX_PARTS;
        for _ in 0..count.min(MAX_PARTS) {
            let id = reader.id(version > 0)?;
            let count = reader.number(1)?;
            left = left.checked_sub(count as usize)?;
            let mut indices = Vec::with_capacity(count as usize);
            for _ in 0..count {
                // The highest bit: a reader that does not know the property must refuse the item.
                indices.push(match flags & 1 {
                    0 => reader.number(1)? & 0x7F,
                    _ => reader.number(2)? & 0x7FFF,
                } as u16);
            }
            self.associations.entry(id).or_default().extend(indices);
        }
        Some(())
    }

    fn read_references(&mut self, body: &[u8]) -> Option<()> {
        let mut reader = Reader(body);
        let (version, _) = reader.full_box()?;
        let mut left = 16 * MAX_PARTS;
        for (kind, body) in boxes(reader.0) {
            let mut reader = Reader(body);
            let from = reader.id(version > 0)?;
            let count = reader.number(2)? as usize;
            left = left.checked_sub(count)?;
            let to = (0..count)
                .map(|_| reader.id(version > 0))
                .collect::<Option<_>>()?;
            self.references.push(Reference { kind, from, to });
        }
        Some(())
    }

    /// The kind of an item.
    pub(super) fn kind(&self, item: u32) -> Option<&Name> {
        self.kinds.get(&item)
    }

    /// The properties of an item, in their order.
    pub(super) fn properties(&self, item: u32) -> impl Iterator<Item = (&Name, &'a [u8])> {
        let indices = self.associations.get(&item).into_iter().flatten();
        indices.filter_map(|index| {
            let (name, body) = self.properties.get(usize::from(*index).checked_sub(1)?)?;
            Some((name, *body))
        })
    }

    /// The first property of an item with this name.
    pub(super) fn property(&self, item: u32, wanted: &Name) -> Option<&'a [u8]> {
        self.properties(item)
            .find_map(|(name, body)| (name == wanted).then_some(body))
    }

    /// What an item refers to in this way.
    pub(super) fn references(&self, item: u32, kind: &Name) -> &[u32] {
        let found = self
            .references
            .iter()
            .find(|it| it.from == item && it.kind == *kind);
        found.map_or(&[], |reference| &reference.to)
    }

    /// The items that refer to `item` in this way.
    pub(super) fn referring(&self, item: u32, kind: Name) -> impl Iterator<Item = u32> {
        let all = self.references.iter();
        all.filter(move |it| it.kind == kind && it.to.contains(&item))
            .map(|it| it.from)
    }

    /// How many bytes the file has.
    pub(super) fn file_length(&self) -> u64 {
        self.bytes.len() as u64
    }

    /// How many bytes the contents of an item are said to have.
    pub(super) fn length(&self, item: u32) -> u64 {
        let extents = self.places.get(&item).map(|place| &place.extents);
        extents
            .into_iter()
            .flatten()
            .fold(0, |sum, (_, length)| sum.saturating_add(*length))
    }

    /// The contents of an item, if they are short.
    pub(super) fn short_data(&self, item: u32) -> Option<Cow<'a, [u8]>> {
        let short = self.length(item) <= MAX_PROFILE as u64;
        short.then(|| self.data(item).ok()).flatten()
    }

    /// The contents of an item.
    pub(super) fn data(&self, item: u32) -> Result<Cow<'a, [u8]>, Refusal> {
        let place = self
            .places
            .get(&item)
            .ok_or_else(|| Refusal::damaged("a part of it is nowhere"))?;
        let source = if place.inside_meta {
            self.inner
        } else {
            self.bytes
        };
        let slice = |(at, length): (u64, u64)| {
            let at = usize::try_from(at).ok()?;
            match length {
                0 => source.get(at..),
                _ => source.get(at..at.checked_add(usize::try_from(length).ok()?)?),
            }
        };
        if let [extent] = place.extents[..] {
            return slice(extent)
                .map(Cow::Borrowed)
                .ok_or_else(Refusal::truncated);
        }
        // Overlapping extents would cause much work with few bytes.
        if self.length(item) > source.len() as u64 {
            return Err(Refusal::truncated());
        }
        let mut data = Vec::new();
        for extent in &place.extents {
            data.extend_from_slice(slice(*extent).ok_or_else(Refusal::truncated)?);
        }
        Ok(Cow::Owned(data))
    }
}
