//! What a number on the command line may be. One that is not is refused with what is allowed, and never quietly made to fit.

/// World seconds in a real second that a session of people keeps up with.
pub(super) fn session_speed(typed: &str) -> Result<f64, String> {
    speed(typed, 1.0, 100.0)
}

/// World seconds in a real second that a world alone can make.
pub(super) fn world_speed(typed: &str) -> Result<f64, String> {
    speed(typed, 0.01, 1000.0)
}

fn speed(typed: &str, least: f64, most: f64) -> Result<f64, String> {
    let speed = typed.parse().ok().filter(|speed| (least..=most).contains(speed));
    speed.ok_or_else(|| format!("a speed is a number from {least} to {most}"))
}

/// The highest port from which five in a row exist.
const FIRST_PORT_MAX: u16 = u16::MAX - 4;

/// The first port of a world that listens on five.
pub(super) fn world_port(typed: &str) -> Result<u16, String> {
    let port = typed.parse().ok().filter(|port| (1..=FIRST_PORT_MAX).contains(port));
    port.ok_or_else(|| format!("it is the first of five ports of `cutover sim`, from 1 to {FIRST_PORT_MAX}"))
}

/// The same for a world that begins; 0 leaves the choice to the machine.
pub(super) fn own_port(typed: &str) -> Result<u16, String> {
    let port = typed.parse().ok().filter(|port| (0..=FIRST_PORT_MAX).contains(port));
    port.ok_or_else(|| format!("it is the first of five ports, from 1 to {FIRST_PORT_MAX}, or 0 for any five that are free"))
}

/// Longest wait, in seconds: a week.
const WAIT_SECONDS_MAX: u64 = 7 * 24 * 60 * 60;

/// How long a person's command may wait.
pub(super) fn wait_seconds(typed: &str) -> Result<u64, String> {
    let seconds = typed.parse().ok().filter(|seconds| (0..=WAIT_SECONDS_MAX).contains(seconds));
    seconds.ok_or_else(|| format!("it is a whole number of seconds from 0 to {WAIT_SECONDS_MAX} (a week)"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_out_of_bounds_is_refused_and_not_made_to_fit() {
        for wrong in ["0", "-1", "0.5", "101", "1e9", "NaN", "inf", "fast", ""] {
            assert!(session_speed(wrong).is_err(), "{wrong}");
        }
        assert_eq!((session_speed("1"), session_speed("100"), session_speed("2.5")), (Ok(1.0), Ok(100.0), Ok(2.5)));
        for wrong in ["0", "-1", "0.001", "1001", "NaN"] {
            assert!(world_speed(wrong).is_err(), "{wrong}");
        }
        assert_eq!(world_speed("0.01"), Ok(0.01));
        for wrong in ["65532", "65536", "-1", "x"] {
            assert!(world_port(wrong).is_err() && own_port(wrong).is_err(), "{wrong}");
        }
        assert!(world_port("0").is_err(), "nothing can be joined there");
        assert_eq!((world_port("65531"), own_port("0")), (Ok(65531), Ok(0)));
        for wrong in ["-1", "1.5", "604801", "18446744073709551615"] {
            assert!(wait_seconds(wrong).is_err(), "{wrong}");
        }
        assert_eq!(wait_seconds("0"), Ok(0));
    }
}
