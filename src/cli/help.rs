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
pub struct Args {
    /// A command, or `live` for a first live session
    topic: Vec<String>,
}

/// # Errors
/// None; a topic that is not known ends with [`Exit::Usage`].
pub fn run(args: &Args, line: &mut Command) -> Result<Exit> {
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
                let meant = suggest::closest(word, known.iter().map(String::as_str))
                    .map_or_else(String::new, |near| format!("; did you mean {near}?"));
                return Ok(said(format!("there is no help on {word:?}{meant} There is help on {}", known.join(", ")), Exit::Usage));
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

/// The same without the marks of a web page: what is to be typed is set in, and stands as it is.
fn plain(markdown: &str) -> String {
    let mut is_code = false;
    let mut text = String::new();
    for line in markdown.lines() {
        if line.starts_with("```") {
            is_code = !is_code;
        } else if is_code && !line.is_empty() {
            text.push_str(&format!("    {line}\n"));
        } else if is_code {
            text.push('\n');
        } else {
            text.push_str(&format!("{}\n", line.trim_start_matches('#').trim_start_matches(' ').replace("**", "").replace('`', "")));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_chapter_is_printed_without_marks_and_its_commands_as_they_are() {
        let text = plain(chapter());
        assert!(text.starts_with("A first live session\n"), "{text}");
        assert!(text.contains("\n    cutover check plan.yaml --live\n"), "{text}");
        assert!(!text.contains("```") && !text.contains("<!--") && text.len() < include_str!("../../README.md").len() / 2);
    }
}
