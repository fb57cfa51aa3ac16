//! The variation of values.

/// Returns the mean and the coefficient of variation of values. The variation is infinite if the mean is 0.
pub(super) fn mean_and_variation(values: &[f64]) -> (f64, f64) {
    let count = values.len().max(1) as f64;
    let mean = values.iter().sum::<f64>() / count;
    let variance = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / count;
    let variation = if mean > 0.0 { variance.sqrt() / mean } else { f64::INFINITY };
    (mean, variation)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_values_do_not_vary_and_nothing_varies_without_bound() {
        assert_eq!(mean_and_variation(&[2.0, 2.0]), (2.0, 0.0));
        assert_eq!(mean_and_variation(&[1.0, 3.0]), (2.0, 0.5));
        assert_eq!(mean_and_variation(&[]), (0.0, f64::INFINITY));
    }
}
