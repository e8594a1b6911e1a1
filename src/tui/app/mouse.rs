//! The mouse focuses, scrolls, drags the slider's draft and presses the footer's hints. It never fires anything: what acts has a key.

use std::time::Instant;

use crate::{
    core::news::Tone,
    tui::{
        app::App,
        draw::{
            footer,
            places::{self, Places},
        },
        input::{Code, Gesture, Key, Mouse},
        keymap::{Action, Danger, Scroll},
        overlay::Overlay,
        panes::words,
        view::Screen,
    },
};

impl App {
    pub(super) fn mouse(&mut self, mouse: Mouse) {
        if places::is_too_small(self.size.area()) {
            return;
        }
        if self.view.overlay.is_some() {
            return self.wheel_above(mouse.what);
        }
        let places = places::places(self.scene(), self.size.area());
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

    /// What lies above the screen and has more to show than fits takes the wheel for its arrows.
    fn wheel_above(&mut self, what: Gesture) {
        let scrolls = match self.view.overlay {
            Some(Overlay::Help { .. } | Overlay::Palette { .. } | Overlay::Themes { .. }) => true,
            Some(_) | None => false,
        };
        let code = match what {
            Gesture::WheelUp => Code::Up,
            Gesture::WheelDown => Code::Down,
            Gesture::Press | Gesture::Drag | Gesture::Release => return,
        };
        if scrolls {
            self.overlay_key(Key::plain(code), Instant::now());
        }
    }

    /// A hint under the pointer does what its key does, unless that has an effect on others.
    fn press_hint(&mut self, column: u16) {
        let mut end = 0;
        let hints = footer::hints(self.scene(), self.size.area().width);
        let hint = hints.into_iter().find(|hint| {
            end += hint.width();
            usize::from(column) < end
        });
        let Some(binding) = hint.and_then(|hint| hint.action).and_then(|action| self.view.keys.binding(action).cloned()) else { return };
        if binding.danger == Danger::Appearance && binding.action != Action::Quit {
            self.act(binding.action, "click");
        } else {
            let key = words::key(&self.view, binding.action);
            self.notify(Tone::Plain, format!("a click moves and ends nothing; {key} does this"));
        }
    }

    fn press(&mut self, places: &Places, mouse: Mouse) {
        if places.footer.contains((mouse.column, mouse.row).into()) {
            return self.press_hint(mouse.column);
        }
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
