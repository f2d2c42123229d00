//! A text coloured by numbers, for a terminal of 256 colours: blue below zero, red above, stronger with the magnitude.
//!
//! Colours are backgrounds under black letters, so that the text can be read on a light and on a dark terminal. Control characters of the text never
//! reach the terminal, since some of them command it.

/// From pale to strong, numbers of the colour cube.
pub const ABOVE: [u8; 5] = [224, 217, 210, 203, 196];
const BELOW: [u8; 5] = [195, 159, 117, 75, 33];
const RESET: &str = "\x1b[0m";

/// A text within a line on the ground of a colour, if there is one, and underlined or not. Control characters are `·`.
pub fn on(colour: Option<u8>, underlined: bool, text: &str) -> String {
    let visible: String = text.chars().map(visible).collect();
    let line = if underlined { ";4" } else { "" };
    match (colour, underlined) {
        _ if text.is_empty() => visible,
        (None, false) => visible,
        (None, true) => format!("\x1b[4m{visible}{RESET}"),
        (Some(colour), _) => format!("\x1b[48;5;{colour};38;5;16{line}m{visible}{RESET}"),
    }
}

/// The text of each token on the colour of its value.
pub fn painted(texts: &[Vec<u8>], values: &[f64]) -> String {
    let most = most(values);
    let mut out = String::new();
    for (text, value) in texts.iter().zip(values) {
        let colour = colour(*value, most);
        let text = String::from_utf8_lossy(text);
        for part in text.split_inclusive('\n') {
            let line = part.trim_end_matches('\n');
            out.push_str(&on(colour, false, line));
            out.push_str(&part[line.len()..]);
        }
    }
    out
}

/// What the colours mean.
pub fn legend(values: &[f64]) -> String {
    let most = most(values);
    let patch = |colour: &u8| format!("\x1b[48;5;{colour}m  {RESET}");
    let below: String = BELOW.iter().rev().map(patch).collect();
    let above: String = ABOVE.iter().map(patch).collect();
    format!("{:.2} {below}  {above} {most:.2}", -most)
}

fn most(values: &[f64]) -> f64 {
    values.iter().fold(0.0, |most, value| value.abs().max(most))
}

/// None near zero.
fn colour(value: f64, most: f64) -> Option<u8> {
    let scale = if value > 0.0 { ABOVE } else { BELOW };
    // In [0, 6): the lowest sixth has no colour.
    let level = (value.abs() / most * 5.999) as usize;
    level.checked_sub(1).map(|level| scale[level])
}

fn visible(c: char) -> char {
    if c.is_control() { '·' } else { c }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_have_colours_and_the_text_commands_nothing() {
        let texts = ["a", "b\x1b", "\n", "c"].map(|text| text.as_bytes().to_vec());
        let text = painted(&texts, &[2.0, -1.0, 2.0, 0.01]);
        let blue = "\x1b[48;5;159;38;5;16m";
        assert_eq!(
            text,
            format!("\x1b[48;5;196;38;5;16ma{RESET}{blue}b·{RESET}\nc")
        );
        assert_eq!(painted(&texts[..1], &[0.0]), "a");
        assert_eq!(on(None, true, "a\n"), format!("\x1b[4ma·{RESET}"));
        assert_eq!(on(Some(75), true, ""), "");
    }
}
