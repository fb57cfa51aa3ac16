//! The order of turns: in each round every contender has one turn, and each round starts with another one.

/// Whose turn it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// No agent runs.
    Off,
    /// The agent with this index runs.
    Agent(usize),
}

/// Returns the turns of a round, counted from 0. With one agent the order alternates. With several, the order rotates, so
/// that what one turn leaves behind does not always meet the same contender.
pub fn of_round(round: usize, agents: usize) -> Vec<Turn> {
    let mut turns: Vec<_> = std::iter::once(Turn::Off).chain((0..agents).map(Turn::Agent)).collect();
    let first = round % turns.len();
    turns.rotate_left(first);
    turns
}

#[cfg(test)]
mod tests {
    use super::Turn::{Agent, Off};
    use super::*;

    #[test]
    fn the_order_alternates_and_rotates() {
        assert_eq!(
            [of_round(0, 1), of_round(1, 1), of_round(2, 1)],
            [[Off, Agent(0)], [Agent(0), Off], [Off, Agent(0)]]
        );
        let three = [[Off, Agent(0), Agent(1)], [Agent(0), Agent(1), Off], [Agent(1), Off, Agent(0)]];
        assert_eq!([of_round(0, 2), of_round(1, 2), of_round(2, 2)], three);
        assert_eq!(of_round(5, 0), [Off]);
    }
}
