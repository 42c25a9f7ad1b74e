//! HEIF: HEIC (coded as HEVC), which phones store, and AVIF (coded as AV1), which is made for the
//! web. This reader parses the container and passes one coded picture at a time to the decoders, so
//! that depth maps, further pictures and appended video never reach them. The container gives the
//! orientation; that of EXIF is ignored, as the standard demands (ISO/IEC 23008-12).

use std::borrow::Cow;

use super::colour::{self, on_white};
use super::exif::{self, Metadata};
use super::limits::{MAX_EXIF_BLOCKS, MAX_PROFILE};
use super::{Detail, Limits, Memory, Orientation, Refusal, Source, Upright};
use container::{Container, Name, Reader};

#[cfg(feature = "avif")]
mod av1;
mod container;
#[cfg(feature = "heic")]
mod hevc;

/// The refusal of a build without HEVC, which some must not distribute.
#[cfg(not(feature = "heic"))]
mod hevc {
    use super::{CodePoints, Refusal, Tile};

    pub(super) const BYTES_PER_PIXEL: u64 = 0;

    fn refusal() -> Refusal {
        Refusal::unsupported("a HEIC, and this is a build of it without HEVC")
    }

    pub(super) fn coded_size(_: &[u8]) -> Result<(u32, u32), Refusal> {
        Err(refusal())
    }

    pub(super) fn decode(
        _: &[u8],
        _: &[u8],
        _: Option<CodePoints>,
        _: (usize, usize),
    ) -> Result<Tile, Refusal> {
        Err(refusal())
    }
}

/// The refusal of a build without AV1.
#[cfg(not(feature = "avif"))]
mod av1 {
    use super::{CodePoints, Refusal, Tile};

    pub(super) const BYTES_PER_PIXEL: u64 = 0;

    pub(super) fn decode(
        _: &[u8],
        _: Option<CodePoints>,
        _: (usize, usize),
        _: u64,
    ) -> Result<Tile, Refusal> {
        Err(Refusal::unsupported(
            "an AVIF, and this is a build of it without AV1",
        ))
    }
}

/// The nesting limit of derived pictures.
const MAX_DERIVED: usize = 4;
/// The most tiles of one picture; those of phones have some 200.
const MAX_TILES: usize = 1024;

/// Pixels of the largest block, to whose multiple pictures are filled up, and how many that can
/// be on a large picture.
const LARGEST_BLOCK: u32 = 64;
const PADDING: u64 = 64 * 65_536 * 2;
const AV1_PADDING: u64 = 64 * 64;

/// The container's facts about the primary picture.
#[derive(Debug)]
pub(super) struct Header<'a> {
    container: Container<'a>,
    colour: Layers,
    alpha: Option<Layers>,
    premultiplied: bool,
    /// The part of the picture that is kept: left, top, width and height.
    crop: [u32; 4],
    orientation: Orientation,
    icc: Option<&'a [u8]>,
}

/// A coded picture, or several that lie side by side.
#[derive(Debug)]
struct Layers {
    coding: Coding,
    tiles: Vec<u32>,
    columns: u32,
    width: u32,
    height: u32,
    /// Pixels of one tile as coded, with its padding, and bytes of the longest.
    tile_pixels: u64,
    tile_bytes: u64,
    code_points: Option<CodePoints>,
}

/// How pixels are coded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Coding {
    Hevc,
    Av1,
}

/// The contents of a `colr` box of type `nclx` (ITU-T H.273).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct CodePoints {
    primaries: u16,
    transfer: u16,
    matrix: u16,
    full_range: bool,
}

impl CodePoints {
    /// The default without a `colr` box (ISO/IEC 23000-22, 7.3.6.4): sRGB with JPEG's matrix.
    const DEFAULT: Self = Self {
        primaries: 1,
        transfer: 13,
        matrix: 6,
        full_range: true,
    };

    fn source<'a>(self) -> colour::Source<'a> {
        match (u8::try_from(self.primaries), u8::try_from(self.transfer)) {
            (Ok(primaries), Ok(transfer)) => colour::Source::CodePoints {
                primaries,
                transfer,
            },
            _ => colour::Source::Srgb,
        }
    }
}

/// The wanted part of a decoded tile: three bytes a pixel, and the colours that its own headers
/// name.
struct Tile {
    /// Width and height of the whole tile.
    coded: (usize, usize),
    width: usize,
    height: usize,
    rgb: Vec<u8>,
    code_points: CodePoints,
}

impl<'a> Header<'a> {
    /// Reads the boxes.
    pub(super) fn read(bytes: &'a [u8], limits: &Limits) -> Result<Self, Refusal> {
        let container = Container::read(bytes)?;
        let (item, transforms) = underlying(&container, container.primary)?;
        let colour = Layers::find(&container, item, limits)?;
        let mut header = Self {
            crop: [0, 0, colour.width, colour.height],
            orientation: Orientation::Upright,
            alpha: None,
            premultiplied: false,
            icc: None,
            colour,
            container,
        };
        for (name, body) in transforms {
            header.transform(&name, body);
        }
        let primary = header.container.primary;
        for item in [primary, item, header.colour.tiles[0]] {
            let profiles = header.container.properties(item);
            header.icc = header.icc.or(profiles
                .filter_map(|(name, body)| (name == b"colr").then_some(body))
                .find_map(|body| body.strip_prefix(b"prof").or(body.strip_prefix(b"rICC")))
                .filter(|profile| profile.len() <= MAX_PROFILE));
        }
        header.find_alpha(item, limits);
        Ok(header)
    }

    fn find_alpha(&mut self, item: u32, limits: &Limits) {
        let container = &self.container;
        for target in [container.primary, item] {
            let found = container.referring(target, *b"auxl").find(|auxiliary| {
                container.property(*auxiliary, b"auxC").is_some_and(|body| {
                    let urn = body.get(4..).unwrap_or_default();
                    urn.starts_with(b"urn:mpeg:mpegB:cicp:systems:auxiliary:alpha")
                        || urn.starts_with(b"urn:mpeg:hevc:2015:auxid:1\0")
                })
            });
            let Some(alpha) = found else { continue };
            // An alpha that does not fit is ignored; the picture is still taken.
            if let Ok(layers) = Layers::find(container, alpha, limits)
                && (layers.width, layers.height) == (self.colour.width, self.colour.height)
            {
                self.alpha = Some(layers);
                self.premultiplied = container.references(target, b"prem").contains(&alpha);
            }
            return;
        }
    }

    fn transform(&mut self, name: &Name, body: &[u8]) {
        match (name, body) {
            (b"clap", _) if self.orientation == Orientation::Upright => {
                if let Some(crop) = aperture(body, self.crop) {
                    self.crop = crop;
                }
            }
            (b"irot", [angle, ..]) => {
                let turn = [
                    Orientation::Upright,
                    Orientation::QuarterAnticlockwise,
                    Orientation::UpsideDown,
                    Orientation::QuarterClockwise,
                ][usize::from(angle & 3)];
                self.orientation = self.orientation.then(turn);
            }
            (b"imir", [axis, ..]) => {
                self.orientation = self.orientation.then(match axis & 1 {
                    0 => Orientation::MirroredVertically,
                    _ => Orientation::MirroredHorizontally,
                });
            }
            _ => {}
        }
    }

    /// The pixels of all tiles together, and the colours that the first tile names.
    fn assemble(&self, layers: &Layers) -> Result<(Vec<u8>, CodePoints), Refusal> {
        let (width, height) = (layers.width as usize, layers.height as usize);
        let mut rgb = Vec::new();
        let mut code_points = CodePoints::DEFAULT;
        let mut first = (width, height);
        for (n, item) in layers.tiles.iter().enumerate() {
            let column = n % layers.columns as usize;
            let row = n / layers.columns as usize;
            let (left, top) = (column * first.0, row * first.1);
            let wanted = (width.saturating_sub(left), height.saturating_sub(top));
            let tile = layers.decode(&self.container, *item, wanted)?;
            if n == 0 {
                code_points = tile.code_points;
                first = tile.coded;
                let rows = layers.tiles.len() / layers.columns as usize;
                if first.0 * (layers.columns as usize) < width || first.1 * rows < height {
                    return Err(Refusal::damaged("it has two sizes"));
                }
                if (tile.width, tile.height) == (width, height) {
                    return Ok((tile.rgb, code_points));
                }
                rgb = vec![0; width * height * 3];
            } else if tile.coded != first {
                return Err(Refusal::damaged("its tiles have several sizes"));
            }
            let targets = rgb.chunks_exact_mut(width * 3).skip(top);
            for (target, source) in targets.zip(tile.rgb.chunks_exact(tile.width.max(1) * 3)) {
                // A tile may be wider than its place.
                let target = target.get_mut(left * 3..).unwrap_or_default();
                let length = target.len().min(source.len());
                target[..length].copy_from_slice(&source[..length]);
            }
        }
        Ok((rgb, code_points))
    }
}

/// Properties of an item, by name.
type Properties<'a> = Vec<(Name, &'a [u8])>;

/// Follows items that only turn or crop another one to the item with pixels or tiles; returns it
/// with all transformations, in order.
fn underlying<'a>(
    container: &Container<'a>,
    mut item: u32,
) -> Result<(u32, Properties<'a>), Refusal> {
    let mut transforms = Vec::new();
    for _ in 0..MAX_DERIVED {
        let own = container.properties(item).map(|(name, body)| (*name, body));
        let own = own.filter(|(name, _)| matches!(name, b"clap" | b"irot" | b"imir"));
        transforms.splice(0..0, own);
        match container.kind(item) {
            Some(b"iden") => match container.references(item, b"dimg") {
                [source] => item = *source,
                _ => return Err(Refusal::damaged("its boxes make no sense")),
            },
            _ => return Ok((item, transforms)),
        }
    }
    Err(Refusal::excessive("pictures of pictures"))
}

impl Layers {
    fn find(container: &Container<'_>, item: u32, limits: &Limits) -> Result<Self, Refusal> {
        let nonsense = || Refusal::damaged("its boxes make no sense");
        let (tiles, columns, (width, height)) = match container.kind(item) {
            Some(b"grid") => {
                let descriptor = container.short_data(item);
                let descriptor = descriptor.ok_or_else(Refusal::truncated)?;
                let (rows, columns, size) = grid(&descriptor).ok_or_else(nonsense)?;
                let tiles = container.references(item, b"dimg");
                if tiles.len() > MAX_TILES {
                    return Err(Refusal::excessive(&format!("more than {MAX_TILES} tiles")));
                }
                if tiles.len() != rows as usize * columns as usize {
                    return Err(nonsense());
                }
                (tiles.to_vec(), columns, size)
            }
            _ => {
                let size = container.property(item, b"ispe").and_then(extent);
                (vec![item], 1, size.ok_or_else(nonsense)?)
            }
        };
        limits.check(width, height)?;
        let coding = match container.kind(tiles[0]) {
            Some(b"hvc1" | b"hev1") => Coding::Hevc,
            Some(b"av01") => Coding::Av1,
            Some(b"jpeg") => return Err(Refusal::unsupported("a HEIF with a JPEG inside")),
            Some(b"iovl") => return Err(Refusal::unsupported("a HEIF made of layers")),
            _ => return Err(Refusal::unsupported("a HEIF in a coding of its own")),
        };
        if tiles
            .iter()
            .any(|tile| container.kind(*tile) != container.kind(tiles[0]))
        {
            return Err(Refusal::damaged("its tiles are of several kinds"));
        }
        // A tile that is named several times would cause much work with few bytes.
        let length = tiles.iter().map(|tile| container.length(*tile));
        if length.fold(0, u64::saturating_add) > container.file_length() {
            return Err(Refusal::truncated());
        }
        let layers = Self {
            tile_pixels: 0,
            tile_bytes: 0,
            code_points: [tiles[0], item, container.primary]
                .into_iter()
                .find_map(|item| code_points(container, item)),
            coding,
            tiles,
            columns,
            width,
            height,
        };
        layers.with_tile_pixels(container, limits)
    }

    /// What the headers of the coding say about the size, which need not be what the container
    /// says.
    fn with_tile_pixels(
        mut self,
        container: &Container<'_>,
        limits: &Limits,
    ) -> Result<Self, Refusal> {
        let mut sizes = Vec::with_capacity(self.tiles.len());
        for tile in &self.tiles {
            sizes.push(match self.coding {
                Coding::Hevc => {
                    hevc::coded_size(container.property(*tile, b"hvcC").unwrap_or_default())?
                }
                Coding::Av1 => container
                    .property(*tile, b"ispe")
                    .and_then(extent)
                    .unwrap_or((self.width, self.height)),
            });
        }
        let (width, height) = sizes[0];
        if sizes.iter().any(|size| *size != sizes[0]) {
            return Err(Refusal::damaged("its tiles have several sizes"));
        }
        self.tile_pixels = u64::from(width) * u64::from(height);
        let lengths = self.tiles.iter().map(|tile| container.length(*tile));
        self.tile_bytes = lengths.max().unwrap_or_default();
        if self.tile_pixels > limits.max_pixels.saturating_add(PADDING) {
            return Err(Refusal::TooManyPixels {
                width,
                height,
                max_pixels: limits.max_pixels,
            });
        }
        // Each row and column of tiles shows a part of the picture.
        let rows = self.tiles.len() as u32 / self.columns;
        let before = |count: u32, side: u32| {
            u64::from(count - 1) * u64::from(side.saturating_sub(LARGEST_BLOCK))
        };
        if before(self.columns, width) >= u64::from(self.width)
            || before(rows, height) >= u64::from(self.height)
        {
            return Err(Refusal::damaged("its tiles are larger than it is"));
        }
        Ok(self)
    }

    fn decode(
        &self,
        container: &Container<'_>,
        item: u32,
        wanted: (usize, usize),
    ) -> Result<Tile, Refusal> {
        let data = container.data(item)?;
        // Tiles outside of the picture were refused with the header.
        let wanted = (wanted.0.max(1), wanted.1.max(1));
        match self.coding {
            Coding::Hevc => {
                let configuration = container.property(item, b"hvcC").unwrap_or_default();
                hevc::decode(configuration, &data, self.code_points, wanted)
            }
            Coding::Av1 => {
                // The expected size, or that padded to whole blocks.
                let most = self.tile_pixels + AV1_PADDING;
                av1::decode(&data, self.code_points, wanted, most)
            }
        }
    }
}

/// Alpha is the luma of its picture; that picture's colours do not count.
fn luma([red, green, blue]: [u8; 3]) -> u8 {
    let sum = 299 * u32::from(red) + 587 * u32::from(green) + 114 * u32::from(blue);
    ((sum + 500) / 1000) as u8
}

/// Rows, columns and size of a grid (ISO/IEC 23008-12, 6.6.2.3).
fn grid(descriptor: &[u8]) -> Option<(u32, u32, (u32, u32))> {
    let mut reader = Reader(descriptor);
    reader.take(1)?;
    let wide = reader.number(1)? & 1 == 1;
    let (rows, columns) = (reader.number(1)? as u32 + 1, reader.number(1)? as u32 + 1);
    let mut side = || {
        reader
            .number(if wide { 4 } else { 2 })
            .map(|side| side as u32)
    };
    Some((rows, columns, (side()?, side()?)))
}

/// The size in an `ispe` box.
fn extent(body: &[u8]) -> Option<(u32, u32)> {
    let mut reader = Reader(body);
    reader.full_box()?;
    Some((reader.number(4)? as u32, reader.number(4)? as u32))
}

fn code_points(container: &Container<'_>, item: u32) -> Option<CodePoints> {
    let boxes = container.properties(item);
    let mut boxes = boxes.filter_map(|(name, body)| (name == b"colr").then_some(body));
    let mut reader = Reader(boxes.find_map(|body| body.strip_prefix(b"nclx"))?);
    let mut number = || reader.number(2).map(|number| number as u16);
    let (primaries, transfer, matrix) = (number()?, number()?, number()?);
    Some(CodePoints {
        primaries,
        transfer,
        matrix,
        full_range: reader.number(1)? & 0x80 != 0,
    })
}

/// The part of a picture inside its clean aperture (ISO/IEC 14496-12, 12.1.4); none if that does not
/// consist of whole pixels of the picture.
fn aperture(body: &[u8], [left, top, width, height]: [u32; 4]) -> Option<[u32; 4]> {
    let mut reader = Reader(body);
    let mut fraction = || {
        let numerator = i64::from(reader.number(4)? as u32 as i32);
        let denominator = i64::from(reader.number(4)? as u32 as i32);
        (denominator > 0).then_some((numerator, denominator))
    };
    let (wide, high) = (fraction()?, fraction()?);
    let (across, down) = (fraction()?, fraction()?);
    // The centre of the part is the centre of the picture, moved by the offset.
    let axis = |side: u32, (n, d): (i64, i64), (offset_n, offset_d): (i64, i64)| {
        let kept = n / d;
        let twice = i64::from(side) - kept + 2 * offset_n / offset_d;
        let start = twice.div_euclid(2);
        let inside = kept > 0 && start >= 0 && start + kept <= i64::from(side);
        inside.then_some((start as u32, kept as u32))
    };
    let (x, kept_width) = axis(width, wide, across)?;
    let (y, kept_height) = axis(height, high, down)?;
    Some([left + x, top + y, kept_width, kept_height])
}

impl Source for Header<'_> {
    fn size(&self) -> (u32, u32) {
        (self.crop[2], self.crop[3])
    }

    fn metadata(&self) -> Metadata {
        let container = &self.container;
        let exif = container
            .referring(container.primary, *b"cdsc")
            .filter(|item| container.kind(*item) == Some(b"Exif"))
            .take(MAX_EXIF_BLOCKS)
            .filter_map(|item| container.short_data(item))
            .collect::<Vec<Cow<'_, [u8]>>>();
        let blocks = exif.iter().filter_map(|data| {
            // The distance to the TIFF header, then the EXIF block.
            let (skip, rest) = data.split_first_chunk::<4>()?;
            rest.get(u32::from_be_bytes(*skip) as usize..)
        });
        Metadata {
            orientation: Some(self.orientation),
            ..exif::read_all(blocks)
        }
    }

    fn memory(&self) -> Memory {
        let bytes_per_pixel = match self.colour.coding {
            Coding::Hevc => hevc::BYTES_PER_PIXEL,
            Coding::Av1 => av1::BYTES_PER_PIXEL,
        };
        let picture = u64::from(self.colour.width) * u64::from(self.colour.height);
        // Only tiles need a second copy, in which they are put together.
        let copies = u64::from(self.colour.tiles.len() > 1) + u64::from(self.alpha.is_some());
        let alpha = self.alpha.as_ref().map_or(0, |alpha| alpha.tile_pixels);
        // The container around a tile, and copies of its contents that the decoder makes.
        let alpha_bytes = self.alpha.as_ref().map_or(0, |alpha| alpha.tile_bytes);
        let bytes = self.colour.tile_bytes.max(alpha_bytes) * 6;
        Memory {
            fixed: self.colour.tile_pixels.max(alpha) * bytes_per_pixel
                + bytes
                + picture * 3 * copies
                + self.icc.map_or(0, |icc| colour::memory(icc.len()))
                + (8 << 20),
            pixel: 0,
            scales: false,
        }
    }

    /// Decodes the whole picture without its alpha: a smaller decode would not prove that all pixels
    /// are present.
    fn verify(&self) -> Result<(), Refusal> {
        self.assemble(&self.colour).map(drop)
    }

    fn decode(&self, _: Detail) -> Result<Upright, Refusal> {
        let (mut rgb, code_points) = self.assemble(&self.colour)?;
        let source = match self.icc {
            Some(icc) => colour::Source::Icc(Cow::Borrowed(icc)),
            None => code_points.source(),
        };
        colour::to_srgb(&mut rgb, &source, false);
        if let Some(layers) = &self.alpha {
            let (alpha, _) = self.assemble(layers)?;
            let (pixels, _) = rgb.as_chunks_mut::<3>();
            for (pixel, alpha) in pixels.iter_mut().zip(alpha.as_chunks::<3>().0) {
                let alpha = luma(*alpha);
                *pixel = pixel.map(|value| match self.premultiplied {
                    true => value.saturating_add(255 - alpha),
                    false => on_white(value, alpha),
                });
            }
        }
        let whole = Upright::new(self.colour.width, self.colour.height, rgb)
            .ok_or_else(Refusal::truncated)?;
        Ok(whole.cropped(self.crop))
    }
}
