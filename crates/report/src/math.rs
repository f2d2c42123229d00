//! Equations: LaTeX to MathML, which browsers typeset by themselves.

use maud::{Markup, PreEscaped, html};
use pulldown_latex::config::DisplayMode;
use pulldown_latex::{Parser, RenderConfig, Storage, push_mathml};

/// An equation in a line of text.
pub fn inline(latex: &str) -> Markup {
    render(latex, DisplayMode::Inline)
}

/// An equation of its own.
pub fn display(latex: &str) -> Markup {
    render(latex, DisplayMode::Block)
}

/// Renders LaTeX as MathML; what cannot be typeset is shown as it is written.
fn render(latex: &str, display_mode: DisplayMode) -> Markup {
    let storage = Storage::new();
    if Parser::new(latex, &storage).any(|event| event.is_err()) {
        return html! { code { (latex) } };
    }
    let config = RenderConfig {
        display_mode,
        ..RenderConfig::default()
    };
    let mut mathml = String::new();
    match push_mathml(&mut mathml, Parser::new(latex, &storage), config) {
        Ok(()) => PreEscaped(mathml),
        Err(_) => html! { code { (latex) } },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn latex_becomes_mathml_and_nonsense_stays_text() {
        let fraction = display(r"\frac{a}{b}").into_string();
        assert!(fraction.contains("<mfrac><mrow><mi>a</mi></mrow><mrow><mi>b</mi></mrow></mfrac>"));
        assert!(
            fraction.starts_with("<math display=\"block\">"),
            "{fraction}"
        );
        assert_eq!(
            inline(r"\nosuch{<b>").into_string(),
            r"<code>\nosuch{&lt;b&gt;</code>"
        );
    }
}
