//! `cutover help [COMMAND]`, and `cutover help live`: the README's chapter on a first live session, for a terminal without a browser.

use clap::Command;
use color_eyre::eyre::Result;

use crate::{
    cli::{Exit, place::said, print},
    domain::suggest,
};

/// The one topic that is no command.
const LIVE: &str = "live";

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// A command, or `live` for a first live session
    topic: Vec<String>,
}

/// # Errors
/// None; a topic that is not known ends with [`Exit::Usage`].
pub(super) fn run(args: &Args, line: &mut Command) -> Result<Exit> {
    if args.topic == [LIVE] {
        print::out(&plain(chapter()));
        return Ok(Exit::Done);
    }
    line.build();
    let mut command = line;
    for word in &args.topic {
        let known: Vec<String> = command.get_subcommands().map(|of| of.get_name().to_owned()).chain([LIVE.to_owned()]).collect();
        match command.find_subcommand_mut(word) {
            Some(of) => command = of,
            None => {
                let near = suggest::closest(word, known.iter().map(String::as_str));
                let meant = near.map_or_else(|| "; there".to_owned(), |near| format!("; did you mean {near}? There"));
                return Ok(said(format!("there is no help on {word:?}{meant} is help on {}", known.join(", ")), Exit::Usage));
            }
        }
    }
    print::out(&command.render_long_help().to_string());
    Ok(Exit::Done)
}

/// What the README says between two marks.
fn chapter() -> &'static str {
    let readme = include_str!("../../README.md");
    let marked = readme.split_once("<!-- live: begin -->").and_then(|(_, rest)| rest.split_once("<!-- live: end -->"));
    marked.map_or(readme, |(chapter, _)| chapter.trim_start())
}

/// As wide as the narrowest terminal that anybody works at.
const WIDTH: usize = 80;

/// The same without the marks of a web page, no line wider than a terminal: what is to be typed is set in, and stands as it is.
fn plain(markdown: &str) -> String {
    let mut is_code = false;
    let (mut text, mut paragraph) = (String::new(), String::new());
    for line in markdown.lines() {
        let is_mark = line.starts_with("```");
        if is_code || is_mark || line.is_empty() {
            text.push_str(&wrapped(&std::mem::take(&mut paragraph)));
        }
        match (is_code, is_mark) {
            (_, true) => is_code = !is_code,
            (true, false) if !line.is_empty() => text.push_str(&format!("    {line}\n")),
            (_, false) if line.is_empty() => text.push('\n'),
            (_, false) => paragraph.push_str(&format!("{} ", line.trim_start_matches('#').trim().replace("**", "").replace('`', ""))),
        }
    }
    text + &wrapped(&paragraph)
}

/// In lines of whole words; a word that is longer than a line stands on its own.
fn wrapped(paragraph: &str) -> String {
    let (mut text, mut line) = (String::new(), String::new());
    for word in paragraph.split_whitespace() {
        if !line.is_empty() && line.chars().count() + 1 + word.chars().count() > WIDTH {
            text.push_str(&format!("{}\n", std::mem::take(&mut line)));
        }
        let space = if line.is_empty() { "" } else { " " };
        line.push_str(&format!("{space}{word}"));
    }
    if line.is_empty() { text } else { text + &line + "\n" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_chapter_is_printed_without_marks_and_its_commands_as_they_are() {
        let text = plain(chapter());
        assert!(text.starts_with("A first live session\n"), "{text}");
        assert!(text.contains("\n    cutover check plan.yaml --live\n"), "{text}");
        let prose = text.lines().filter(|line| !line.starts_with("    ") && line.contains(' '));
        assert!(prose.clone().count() > 20 && prose.into_iter().all(|line| line.chars().count() <= WIDTH), "{text}");
        assert!(!text.contains("```") && !text.contains("<!--") && text.len() < include_str!("../../README.md").len() / 2);
    }
}
