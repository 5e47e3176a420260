//! A credential as a picture.

use anyhow::Context;
use qrcode::{Color, EcLevel, QrCode, render::svg, types::QrError};

/// Side of the picture in pixels, or units, for each module of the code.
const SCALE: u32 = 8;
/// Light modules around the code, as scanners need them.
const QUIET_ZONE: usize = 4;

fn code(text: &str) -> Result<QrCode, QrError> {
    // M: a code may lose 15 % to glare and fingers. More would only make it denser.
    QrCode::with_error_correction_level(text, EcLevel::M)
}

/// The code as an SVG document.
pub fn svg(text: &str) -> anyhow::Result<String> {
    let code = code(text).context("a credential does not fit a code")?;
    Ok(code
        .render::<svg::Color<'_>>()
        .module_dimensions(SCALE, SCALE)
        .quiet_zone(true)
        .build())
}

/// The code as a PNG file of two colours.
pub fn png(text: &str) -> anyhow::Result<Vec<u8>> {
    let code = code(text).context("a credential does not fit a code")?;
    let modules = code.width() + 2 * QUIET_ZONE;
    let side = u32::try_from(modules)? * SCALE;
    let mut file = Vec::new();
    let mut encoder = png::Encoder::new(&mut file, side, side);
    encoder.set_color(png::ColorType::Grayscale);
    encoder.set_depth(png::BitDepth::One);
    let mut writer = encoder.write_header()?;
    writer.write_image_data(&pixels(&code, modules))?;
    writer.finish()?;
    Ok(file)
}

/// One bit a pixel. A module is as wide as a byte, so a row is a byte for each module.
fn pixels(code: &QrCode, modules: usize) -> Vec<u8> {
    const LIGHT: u8 = 0xFF;
    const { assert!(SCALE == u8::BITS, "a module is as wide as a byte") };
    let inside = QUIET_ZONE..modules - QUIET_ZONE;
    let mut pixels = Vec::with_capacity(modules * modules * 8);
    for y in 0..modules {
        let row: Vec<u8> = (0..modules)
            .map(|x| {
                let is_dark = inside.contains(&x)
                    && inside.contains(&y)
                    && code[(x - QUIET_ZONE, y - QUIET_ZONE)] == Color::Dark;
                if is_dark { 0 } else { LIGHT }
            })
            .collect();
        for _ in 0..SCALE {
            pixels.extend_from_slice(&row);
        }
    }
    pixels
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::credential::CREDENTIAL_CHARS;

    /// As long as a credential, of its letters.
    fn text() -> String {
        format!("URR1{}", "A7".repeat(CREDENTIAL_CHARS))[..CREDENTIAL_CHARS].to_owned()
    }

    #[test]
    fn a_credential_is_a_small_code() {
        assert_eq!(code(&text()).unwrap().width(), 45, "version 7");
    }

    #[test]
    fn the_pictures_show_the_code_inside_its_quiet_zone() {
        let code = code(&text()).unwrap();
        let file = png(&text()).unwrap();
        let mut reader = png::Decoder::new(std::io::Cursor::new(file))
            .read_info()
            .unwrap();
        let mut bytes = vec![0; reader.output_buffer_size().unwrap()];
        let info = reader.next_frame(&mut bytes).unwrap();
        let modules = code.width() + 8;
        assert_eq!((info.width, info.height), (424, 424));
        for y in 0..modules {
            for x in 0..modules {
                let dark = bytes[y * 8 * modules + x] == 0;
                let inside = (4..modules - 4).contains(&x) && (4..modules - 4).contains(&y);
                let expected = inside && code[(x - 4, y - 4)] == Color::Dark;
                assert_eq!(dark, expected, "{x}, {y}");
            }
        }
        let svg = svg(&text()).unwrap();
        assert!(svg.contains(r#"viewBox="0 0 424 424""#), "{svg:.300}");
    }
}
