//! Every widget at every size, and how the important ones look.

use proptest::prelude::*;
use ratatui::{buffer::Buffer, layout::Rect, style::Style};

use super::{big, chart, dialog, gauge, line::LineEdit, rail, spark, text};
use crate::{
    domain::series::Bad,
    tui::theme::{Catalogue, Charset, Depth, Theme},
};

fn theme(charset: Charset) -> Theme {
    Catalogue::new(Depth::Truecolor, charset).first()
}

fn plain(buf: &Buffer) -> String {
    let rows = buf.area.rows().map(|row| {
        let text: String = row.positions().map(|at| buf[at].symbol()).collect();
        text.trim_end().to_owned()
    });
    rows.collect::<Vec<_>>().join("\n")
}

fn legs(theme: &Theme, accepted: u16, wanted: u16, draft: Option<u16>, observed: f64) -> Vec<rail::Leg> {
    let leg = |name: &str, style, of: &dyn Fn(u16) -> u16, at: f64| rail::Leg {
        name: name.to_owned(),
        style,
        accepted: Some(of(accepted)),
        fills: None,
        wanted: Some(of(wanted)),
        draft: draft.map(of),
        observed: Some(rail::Band { at, low: (at - 0.03).max(0.0), high: (at + 0.03).min(1.0) }),
        failing: None,
    };
    vec![leg("GKE", theme.gke, &|share| share, observed), leg("Cloud Run", theme.run, &|share| 1000 - share, 1.0 - observed)]
}

fn rail_at(width: u16, height: u16, charset: Charset, legs: &dyn Fn(&Theme) -> Vec<rail::Leg>) -> String {
    let theme = theme(charset);
    let area = Rect::new(0, 0, width, height);
    let mut buf = Buffer::empty(area);
    rail::draw(&legs(&theme), rail::Freshness::Fresh, &theme, area, &mut buf);
    plain(&buf)
}

#[test]
fn the_rail_tells_three_weights_and_a_draft_apart() {
    insta::assert_snapshot!(rail_at(80, 3, Charset::Unicode, &|theme| legs(theme, 50, 250, Some(300), 0.12)));
}

#[test]
fn the_rail_reads_without_unicode() {
    insta::assert_snapshot!(rail_at(80, 3, Charset::Ascii, &|theme| legs(theme, 250, 250, None, 0.24)));
}

#[test]
fn the_rail_survives_on_one_narrow_row() {
    insta::assert_snapshot!(rail_at(30, 1, Charset::Unicode, &|theme| legs(theme, 500, 500, None, 0.5)));
}

/// A point each ten milliseconds.
fn line(theme: &Theme, values: impl Iterator<Item = Option<f64>>) -> chart::Series {
    let point = |(place, value): (usize, Option<f64>)| {
        let from = place as i64 * 10;
        chart::Point { from, until: from + 10, range: value.map(|value| (value, value)) }
    };
    chart::Series { style: theme.chart, beyond: theme.breach, points: values.enumerate().map(point).collect() }
}

#[test]
fn a_chart_has_its_axes_its_threshold_and_its_gaps() {
    let theme = theme(Charset::Unicode);
    let area = Rect::new(0, 0, 50, 8);
    let mut buf = Buffer::empty(area);
    let points = (0..80).map(|x| (x % 40 > 4).then(|| 2.0 + f64::from(x) / 20.0));
    let series = [line(&theme, points)];
    let sign = chart::Sign { at: 300, until: None, letter: 'M', style: theme.busy, line: theme.faint };
    let ticks = [(200, "22:40".to_owned()), (600, "22:41".to_owned()), (800, "now".to_owned())];
    let show = |value| format!("{value:.1}%");
    let frame =
        chart::Frame { from: 0, until: 800, limit: Some(5.0), bad: Bad::Above, top: 6.0, show: &show, ticks: &ticks, signs: &[sign] };
    chart::draw(&series, &frame, &theme, area, &mut buf);
    insta::assert_snapshot!(plain(&buf));
}

#[test]
fn a_big_figure_is_readable() {
    let theme = theme(Charset::Unicode);
    let area = Rect::new(0, 0, 24, 3);
    let mut buf = Buffer::empty(area);
    big::draw("12.5%", Style::new(), &theme, area, &mut buf);
    insta::assert_snapshot!(plain(&buf));
}

#[test]
fn a_cut_text_says_so_and_wide_characters_count_twice() {
    assert_eq!(text::cut("hello", 5, "…"), "hello");
    assert_eq!(text::cut("hello", 4, "…"), "hel…");
    assert_eq!(text::cut("日本語", 4, "…"), "日…");
    assert_eq!(text::cut("hello", 0, "…"), "");
}

proptest! {
    #[test]
    fn no_widget_panics_at_any_size_or_place(
        (x, y, width, height) in (0u16..20, 0u16..8, 0u16..90, 0u16..20),
        (accepted, wanted) in (0u16..=1000, 0u16..=1000),
        draft in proptest::option::of(0u16..=1000),
        values in proptest::collection::vec(proptest::option::of(any::<f64>()), 0..200),
        words in ".{0,40}",
        ascii in any::<bool>(),
    ) {
        let theme = theme(if ascii { Charset::Ascii } else { Charset::Unicode });
        let mut buf = Buffer::empty(Rect::new(0, 0, 60, 12));
        // Deliberately reaching beyond the buffer.
        let area = Rect::new(x, y, width, height);
        let observed = f64::from(accepted) / 1000.0;
        for freshness in [rail::Freshness::Fresh, rail::Freshness::Stale] {
            rail::draw(&legs(&theme, accepted, wanted, draft, observed), freshness, &theme, area, &mut buf);
        }
        rail::draw(&[], rail::Freshness::Fresh, &theme, area, &mut buf);
        spark::draw(values.iter(), 0.0, theme.chart, &theme, area, &mut buf);
        let series = [line(&theme, values.iter().copied())];
        let limit = values.first().copied().flatten();
        let signs = [chart::Sign { at: i64::from(accepted), until: Some(i64::from(wanted)), letter: 'B', style: theme.breach, line: theme.faint }];
        let frame = chart::Frame {
            from: 10, until: 10 + i64::from(wanted), limit, bad: if wanted % 2 == 0 { Bad::Above } else { Bad::Below }, top: limit.unwrap_or(0.0), show: &|value| value.to_string(),
            ticks: &[(i64::from(accepted), words.clone())], signs: &signs,
        };
        chart::draw(&series, &frame, &theme, area, &mut buf);
        for scale in [gauge::Scale::Linear, gauge::Scale::Log] {
            let value = values.first().copied().flatten();
            gauge::Gauge { value, threshold: f64::from(wanted), scale, style: theme.ok }.draw(&theme, area, &mut buf);
        }
        big::draw(&words, theme.figure, &theme, area, &mut buf);
        big::draw("100%", theme.figure, &theme, area, &mut buf);
        dialog::draw(&words, &theme, dialog::place(area, 40, 10), &mut buf);
        LineEdit::with(&words).draw(&theme, area, &mut buf);
        text::wrap(&words, usize::from(width));
    }
}
