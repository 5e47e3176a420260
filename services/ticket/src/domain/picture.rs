//! Pictures that administrators upload: what is one, and under which key it is kept.
//!
//! A key ends in the beginning of the hash of its content: whatever has the same key is the
//! same picture, so uploads at the same moment never replace each other's, an upload that is
//! repeated does no harm, and a picture can be cached for ever.

use imagesize::ImageType;
use jiff::Timestamp;

/// Largest file, in bytes.
pub const MAX_BYTES: usize = 5 * 1024 * 1024;
/// Longest side, in pixels.
const MAX_SIDE: usize = 10_000;
/// Largest area, in pixels: as much as a browser can be asked to decode.
const MAX_PIXELS: usize = 50_000_000;
/// As much of a file's name as a key keeps.
const MAX_NAME_CHARS: usize = 60;
/// Digits of the hash in a key.
const HASH_DIGITS: usize = 16;
/// Where all keys begin.
const PREFIX: &str = "files/";

/// The formats that are taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// `.jpg`.
    Jpeg,
    /// `.png`.
    Png,
    /// `.webp`.
    WebP,
    /// `.gif`.
    Gif,
}

impl Format {
    const ALL: [Self; 4] = [Self::Jpeg, Self::Png, Self::WebP, Self::Gif];

    /// The end of a key, without the dot.
    pub fn extension(self) -> &'static str {
        match self {
            Self::Jpeg => "jpg",
            Self::Png => "png",
            Self::WebP => "webp",
            Self::Gif => "gif",
        }
    }

    /// Its media type.
    pub fn media_type(self) -> &'static str {
        match self {
            Self::Jpeg => "image/jpeg",
            Self::Png => "image/png",
            Self::WebP => "image/webp",
            Self::Gif => "image/gif",
        }
    }
}

/// Why a file is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PictureError {
    /// There is none, or it is empty.
    #[error("Image file is required")]
    Missing,
    /// More than [`MAX_BYTES`].
    #[error("Image size must be under 5MB")]
    TooLarge,
    /// Its content is none of the formats, or its head is broken.
    #[error("Only image files (JPEG, PNG, WebP, GIF) are allowed")]
    NotAPicture,
    /// It would be too large when it is shown.
    #[error("Image must have at most 10000 pixels a side and 50 million in all")]
    TooManyPixels,
}

/// The format of a file, told by its content. What it is called and what it is declared to
/// be does not matter.
pub fn recognise(content: &[u8]) -> Result<Format, PictureError> {
    if content.is_empty() {
        return Err(PictureError::Missing);
    }
    if content.len() > MAX_BYTES {
        return Err(PictureError::TooLarge);
    }
    let format = match imagesize::image_type(content) {
        Ok(ImageType::Jpeg) => Format::Jpeg,
        Ok(ImageType::Png) => Format::Png,
        Ok(ImageType::Webp) => Format::WebP,
        Ok(ImageType::Gif) => Format::Gif,
        _ => return Err(PictureError::NotAPicture),
    };
    let size = imagesize::blob_size(content).map_err(|_| PictureError::NotAPicture)?;
    if size.width == 0 || size.height == 0 {
        return Err(PictureError::NotAPicture);
    }
    let area = size.width.saturating_mul(size.height);
    if size.width > MAX_SIDE || size.height > MAX_SIDE || area > MAX_PIXELS {
        return Err(PictureError::TooManyPixels);
    }
    Ok(format)
}

/// The name of a picture in the store: `files/<ms since 1970>_<name>-<hash>.<extension>`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    text: String,
    format: Format,
}

impl Key {
    /// The key of a new picture. `hash` is that of its content.
    pub fn new(now: Timestamp, file_name: &str, format: Format, hash: &[u8; 32]) -> Self {
        let (milliseconds, name) = (now.as_millisecond(), sanitised(file_name));
        let hash = &hex::encode(hash)[..HASH_DIGITS];
        let extension = format.extension();
        Self {
            text: format!("{PREFIX}{milliseconds}_{name}-{hash}.{extension}"),
            format,
        }
    }

    /// The key that a path asks for. Nothing else names a picture: no other folder, no hidden
    /// or half-written file.
    pub fn parse(text: &str) -> Option<Self> {
        let (time, rest) = text.strip_prefix(PREFIX)?.split_once('_')?;
        let (name, extension) = rest.rsplit_once('.')?;
        let (name, hash) = name.rsplit_once('-')?;
        let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        let lower_hex = |byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        let well_formed = (1..=15).contains(&time.len())
            && digits(time)
            && name == sanitised(name)
            && hash.len() == HASH_DIGITS
            && hash.bytes().all(lower_hex);
        let mut formats = Format::ALL.into_iter();
        let format = formats.find(|format| format.extension() == extension)?;
        well_formed.then(|| Self {
            text: text.to_owned(),
            format,
        })
    }

    /// The key of a file in the folder of all keys.
    pub fn of_file(name: &str) -> Option<Self> {
        Self::parse(&format!("{PREFIX}{name}"))
    }

    /// As it is written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// What the picture is.
    pub fn format(&self) -> Format {
        self.format
    }

    /// The picture's entity tag.
    pub fn etag(&self) -> String {
        format!("\"{}\"", self.text.trim_start_matches(PREFIX))
    }
}

/// The name of a file without its extension, in lower-case letters, digits and single hyphens.
fn sanitised(file_name: &str) -> String {
    let last = file_name.rsplit(['/', '\\']).next().unwrap_or(file_name);
    let stem = last.rsplit_once('.').map_or(last, |(stem, _)| stem);
    let words = stem
        .split(|character: char| !character.is_ascii_alphanumeric())
        .filter(|word| !word.is_empty());
    let mut name: String = words.collect::<Vec<_>>().join("-").to_ascii_lowercase();
    name.truncate(MAX_NAME_CHARS);
    match name.trim_end_matches('-') {
        "" => "image".to_owned(),
        name => name.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn png(width: u32, height: u32) -> Vec<u8> {
        let head = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR";
        [
            &head[..],
            &width.to_be_bytes(),
            &height.to_be_bytes(),
            &[8, 6, 0, 0, 0],
        ]
        .concat()
    }

    #[test]
    fn pictures_are_known_by_their_content() {
        let gif = b"GIF89a\x02\0\x03\0\x80\0\0";
        let jpeg = b"\xff\xd8\xff\xc0\0\x11\x08\0\x10\0\x20\x03\x01\x22\0\x02\x11\x01\x03\x11\x01";
        let webp = b"RIFF\x1a\0\0\0WEBPVP8L\x0d\0\0\0\x2f\x0f\0\0\x10\0\0\0\0\0\0\0\0";
        assert_eq!(recognise(&png(3, 2)), Ok(Format::Png));
        assert_eq!(recognise(gif), Ok(Format::Gif));
        assert_eq!(recognise(jpeg), Ok(Format::Jpeg));
        assert_eq!(recognise(webp), Ok(Format::WebP));
    }

    #[test]
    fn everything_else_is_refused_with_its_reason() {
        let svg = b"<svg xmlns='http://www.w3.org/2000/svg'><script/></svg>";
        let bmp = b"BM\x3a\0\0\0\0\0\0\0\x36\0\0\0\x28\0\0\0\x01\0\0\0\x01\0\0\0\x01\0\x18\0";
        assert_eq!(recognise(b""), Err(PictureError::Missing));
        assert_eq!(recognise(svg), Err(PictureError::NotAPicture));
        assert_eq!(recognise(bmp), Err(PictureError::NotAPicture));
        assert_eq!(recognise(&png(3, 2)[..20]), Err(PictureError::NotAPicture));
        assert_eq!(recognise(&png(0, 2)), Err(PictureError::NotAPicture));
        assert_eq!(recognise(&png(10_001, 1)), Err(PictureError::TooManyPixels));
        assert_eq!(
            recognise(&png(9_000, 9_000)),
            Err(PictureError::TooManyPixels)
        );
        let mut large = png(3, 2);
        large.resize(MAX_BYTES, 0);
        assert_eq!(recognise(&large), Ok(Format::Png));
        large.push(0);
        assert_eq!(recognise(&large), Err(PictureError::TooLarge));
    }

    #[test]
    fn a_key_keeps_what_is_harmless_of_a_name() {
        let now = Timestamp::from_millisecond(1_707_836_400_000).unwrap();
        for (name, kept) in [
            ("Poster 2026 (final).PNG", "poster-2026-final"),
            ("../../etc/passwd", "passwd"),
            ("포스터.jpg", "image"),
            ("", "image"),
            ("a\0b#1.gif", "a-b-1"),
        ] {
            let key = Key::new(now, name, Format::Png, &[0xab; 32]);
            let text = format!("files/1707836400000_{kept}-abababababababab.png");
            assert_eq!(key.as_str(), text);
            assert_eq!(Key::parse(&text), Some(key));
        }
    }

    #[test]
    fn nothing_but_a_key_names_a_picture() {
        for text in [
            "",
            "files/",
            "../files/1_a-abababababababab.png",
            "files/../1_a-abababababababab.png",
            "files/1_../a-abababababababab.png",
            "files/1_a-abababababababab.png#1",
            "files/1_a-abababababababab.svg",
            "files/1_a-ABABABABABABABAB.png",
            "files/1_a-ab.png",
            "files/_a-abababababababab.png",
            "files/1_a/b-abababababababab.png",
            "other/1_a-abababababababab.png",
        ] {
            assert_eq!(Key::parse(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn every_new_key_is_one(name in ".*", hash: [u8; 32], format in 0..4_usize) {
            let now = Timestamp::from_millisecond(1_707_836_400_000).unwrap();
            let key = Key::new(now, &name, Format::ALL[format], &hash);
            prop_assert_eq!(Key::parse(key.as_str()), Some(key));
        }
    }
}
