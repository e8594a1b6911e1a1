//! Moving about in what is larger than its room: rows, the journal's line, the time of the charts.

use crate::{
    domain::time::Timestamp,
    tui::{
        app::App,
        keymap::{Action, Scroll, Way},
        panes::{checklist, journal, metrics, steps, words, workloads, zoom},
        view::{Charts, Pane, Screen, Zoom},
    },
};

/// Rows of one page where the room is not known: a third of a usual screen.
const PAGE: usize = 8;

fn step(scroll: Scroll, from: usize, last: usize) -> usize {
    match scroll {
        Scroll::Up => from.saturating_sub(1),
        Scroll::Down => from.saturating_add(1).min(last),
        Scroll::PageUp => from.saturating_sub(PAGE),
        Scroll::PageDown => from.saturating_add(PAGE).min(last),
        Scroll::Top => 0,
        Scroll::Bottom => last,
    }
}

impl App {
    pub(super) fn scroll(&mut self, scroll: Scroll) {
        match (self.view.screen, self.view.focus) {
            (Screen::Main, Pane::Checklist) => {
                self.view.item = step(scroll, self.view.item, checklist::items(&self.state).len().saturating_sub(1));
            }
            // Beside the tree, a page is one of what is told of the chosen step.
            (Screen::Main, Pane::Steps) if self.view.zoomed == Zoom::Focused && matches!(scroll, Scroll::PageUp | Scroll::PageDown) => {
                let last = zoom::last(self.scene(), self.size.area());
                let top = self.view.scroll.entry(Pane::Steps).or_insert(0);
                *top = step(scroll, (*top).min(last), last);
            }
            (Screen::Main, Pane::Steps) => {
                let last = steps::steps(&self.state).len().saturating_sub(1);
                self.view.step = step(scroll, self.view.step.min(last), last);
                self.view.scroll.remove(&Pane::Steps);
            }
            (Screen::Journal, _) => self.step_line(scroll),
            (Screen::Main, Pane::Journal) if self.view.zoomed == Zoom::Focused => self.step_line(scroll),
            (Screen::Main, pane) if self.view.zoomed == Zoom::Focused => {
                let last = zoom::last(self.scene(), self.size.area());
                let top = self.view.scroll.entry(pane).or_insert(0);
                *top = step(scroll, (*top).min(last), last);
            }
            (Screen::Main, Pane::Traffic) => match scroll {
                Scroll::Up | Scroll::PageUp => self.turn_route(-1),
                Scroll::Down | Scroll::PageDown => self.turn_route(1),
                Scroll::Top | Scroll::Bottom => {}
            },
            (Screen::Main, Pane::Journal) => {
                // What grows at its end is counted backwards from there.
                let last = self.state.feed.len().saturating_sub(1);
                let back = self.view.scroll.entry(Pane::Journal).or_insert(0);
                *back = last - step(scroll, last - (*back).min(last), last);
            }
            // They show what they have room for; zoomed, all of it.
            (Screen::Main, Pane::Platforms | Pane::Triggers | Pane::Replication | Pane::Log) => {}
            (Screen::Kubernetes, _) => {
                // The cursor stands on the last row when there are fewer than before.
                let last = workloads::count(&self.state, &self.view).saturating_sub(1);
                self.view.screen_scroll = step(scroll, self.view.screen_scroll.min(last), last);
            }
            (Screen::Metrics, _) => {
                let last = metrics::last(self.scene(), self.size.area());
                self.view.screen_scroll = step(scroll, self.view.screen_scroll.min(last), last);
            }
            (Screen::Watch | Screen::Log, _) => {}
        }
    }

    /// The cursor of the journal; on its last line it goes along with what comes.
    fn step_line(&mut self, scroll: Scroll) {
        let entries = journal::entries(&self.state, &self.view);
        let last = entries.len().saturating_sub(1);
        let next = step(scroll, journal::cursor(&entries, self.view.line), last);
        self.view.line = entries.get(next).filter(|_| next < last).map(journal::Entry::key);
    }

    pub(super) fn charts_span(&mut self, way: Way) {
        let span = self.view.charts.span;
        let next = match way {
            Way::Forward => Charts::SPANS.iter().find(|known| **known > span),
            Way::Back => Charts::SPANS.iter().rev().find(|known| **known < span),
        };
        self.view.charts.span = next.copied().unwrap_or(span);
        self.keep_mark_in_sight();
    }

    pub(super) fn charts_pan(&mut self, way: Way) {
        let charts = self.view.charts;
        let half = crate::domain::time::Millis(charts.span.0 / 2);
        let now = self.state.now;
        let oldest = metrics::oldest(&self.state) + charts.span;
        let end = charts.until.unwrap_or(now);
        let end = match way {
            Way::Back => end.before(half).max(oldest.min(now)),
            Way::Forward => end + half,
        };
        self.show_until(end);
    }

    fn show_until(&mut self, end: Timestamp) {
        self.view.charts.until = (end < self.state.now).then_some(end);
    }

    pub(super) fn charts_mark(&mut self, way: Way) {
        let marks = metrics::marks(&self.state, &self.view);
        let here = self.view.charts.mark;
        let next = match (way, here) {
            (Way::Back, None) => marks.last(),
            (Way::Forward, None) => None,
            (Way::Back, Some(seq)) => marks.iter().rev().find(|mark| mark.seq < seq),
            (Way::Forward, Some(seq)) => marks.iter().find(|mark| mark.seq > seq),
        };
        match next.map(|mark| mark.seq) {
            Some(seq) => {
                self.view.charts.mark = Some(seq);
                self.keep_mark_in_sight();
            }
            // Beyond the newest one is the present.
            None if way == Way::Forward => {
                self.view.charts.mark = None;
                self.view.charts.until = None;
            }
            None => {
                let (tone, told) = metrics::NO_MARK;
                self.notify(tone, told.to_owned());
            }
        }
    }

    fn keep_mark_in_sight(&mut self) {
        let Some(at) = metrics::chosen(&self.state, &self.view).map(|mark| mark.at) else { return };
        let span = self.view.charts.span;
        let end = self.view.charts.until.unwrap_or(self.state.now);
        if at < end.before(span) || at >= end {
            self.show_until(at + crate::domain::time::Millis(span.0 / 2));
        }
    }

    pub(super) fn read_mark(&mut self, key: &str) {
        let Some(seq) = self.view.charts.mark else {
            let told = format!("{} chooses a mark first", words::key(&self.view, Action::Mark(Way::Back)));
            return self.notify(metrics::NO_MARK.0, told);
        };
        self.show(key, Screen::Journal);
        self.view.filter.clear();
        self.view.line = Some((seq, 0));
    }
}
