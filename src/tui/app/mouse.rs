//! The mouse focuses, scrolls and drags the slider's draft. It never fires anything: what acts has a key.

use crate::tui::{
    app::App,
    draw::places::{self, Places},
    input::{Gesture, Mouse},
    keymap::Scroll,
    view::Screen,
};

impl App {
    pub(super) fn mouse(&mut self, mouse: Mouse) {
        if self.view.overlay.is_some() {
            return;
        }
        let places = places::places(&self.state, &self.view, &self.looks.theme, self.size.area());
        match mouse.what {
            Gesture::Press => self.press(&places, mouse),
            Gesture::Drag => self.drag(&places, mouse),
            Gesture::Release => self.dragging = None,
            Gesture::WheelUp | Gesture::WheelDown => {
                if let Some(pane) = places.pane_at(mouse.column, mouse.row).filter(|_| self.view.screen == Screen::Main)
                    && pane != self.view.focus
                {
                    self.focus("wheel", pane);
                }
                self.scroll(if mouse.what == Gesture::WheelUp { Scroll::Up } else { Scroll::Down });
            }
        }
    }

    fn press(&mut self, places: &Places, mouse: Mouse) {
        if self.view.screen != Screen::Main {
            return;
        }
        if let Some(pane) = places.pane_at(mouse.column, mouse.row)
            && pane != self.view.focus
        {
            self.focus("click", pane);
        }
        if let Some(place) = places.bar_at(mouse.column, mouse.row) {
            self.view.route = place;
            self.dragging = Some(place);
            self.drag(places, mouse);
        }
    }

    fn drag(&mut self, places: &Places, mouse: Mouse) {
        let Some(bar) = self.dragging.and_then(|place| places.bars.iter().find(|(route, _)| *route == place)) else { return };
        let area = bar.1;
        if area.width < 2 || !self.role().may_steer() {
            return;
        }
        let along = mouse.column.saturating_sub(area.x).min(area.width - 1);
        // Whole percents: nobody means 24.7 % by hand.
        let percent = (u32::from(along) * 100 + u32::from(area.width - 1) / 2) / u32::from(area.width - 1);
        self.draft("drag", |_| percent as u16 * 10);
    }
}
