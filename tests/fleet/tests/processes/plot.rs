//! Plots for the documentation, drawn from a run when `FLEET_DRAW` is set.

use std::fmt::Write as _;
use std::path::Path;

const WIDTH: f64 = 640.0;
const COLOURS: [&str; 4] = ["#3366aa", "#cc6633", "#339966", "#996699"];

fn save(name: &str, svg: &str) {
    if std::env::var_os("FLEET_DRAW").is_some() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/fleet");
        std::fs::create_dir_all(&folder).expect("a folder");
        std::fs::write(folder.join(format!("{name}.svg")), svg).expect("a plot");
    }
}

fn page(height: f64, title: &str, inside: &str) -> String {
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" font-family=\"sans-serif\" font-size=\"12\">\n\
         <rect width=\"{WIDTH}\" height=\"{height}\" fill=\"white\"/>\n<text x=\"10\" y=\"20\" font-size=\"14\">{title}</text>\n{inside}</svg>\n"
    )
}

/// A bar for each share of a limit; the line is the limit.
pub fn bars(name: &str, title: &str, shares: &[(String, f64)]) {
    let (left, full, step) = (190.0, 380.0, 24.0);
    let height = 50.0 + step * shares.len() as f64;
    let mut inside = String::new();
    for (place, (label, share)) in shares.iter().enumerate() {
        let y = 36.0 + step * place as f64;
        let _ = writeln!(inside, "<text x=\"{}\" y=\"{}\" text-anchor=\"end\">{label}</text>", left - 8.0, y + 13.0);
        let _ = writeln!(
            inside,
            "<rect x=\"{left}\" y=\"{y}\" width=\"{:.1}\" height=\"16\" fill=\"{}\"/>",
            full * share,
            COLOURS[0]
        );
        let _ = writeln!(inside, "<text x=\"{:.1}\" y=\"{}\">{share:.3}</text>", left + full * share + 6.0, y + 13.0);
    }
    let limit = left + full;
    let _ = writeln!(
        inside,
        "<line x1=\"{limit}\" x2=\"{limit}\" y1=\"30\" y2=\"{}\" stroke=\"{}\"/>",
        height - 10.0,
        COLOURS[1]
    );
    save(name, &page(height, title, &inside));
}

/// For each series, which share of its sorted samples is at most so large.
pub fn shares(name: &str, title: &str, unit: &str, series: &[(&str, Vec<f64>)]) {
    let (left, top, width, height) = (50.0, 40.0, 560.0, 220.0);
    let most = series.iter().filter_map(|(_, samples)| samples.last()).fold(1.0_f64, |most, sample| most.max(*sample));
    let mut inside =
        format!("<path d=\"M{left},{top} V{} H{}\" fill=\"none\" stroke=\"#888\"/>\n", top + height, left + width);
    for quarter in 0..=4 {
        let share = f64::from(quarter) / 4.0;
        let (x, y) = (left + width * share, top + height * (1.0 - share));
        let _ = writeln!(inside, "<text x=\"{}\" y=\"{}\" text-anchor=\"end\">{share}</text>", left - 6.0, y + 4.0);
        let _ = writeln!(
            inside,
            "<text x=\"{x}\" y=\"{}\" text-anchor=\"middle\">{:.0} {unit}</text>",
            top + height + 18.0,
            most * share
        );
    }
    for (place, (label, samples)) in series.iter().enumerate() {
        let colour = COLOURS[place % COLOURS.len()];
        let mut path = format!("M{left},{}", top + height);
        for (number, sample) in samples.iter().enumerate() {
            let share = (number + 1) as f64 / samples.len() as f64;
            let (x, y) = (left + width * sample / most, top + height * (1.0 - share));
            let _ = write!(path, " H{x:.1} V{y:.1}");
        }
        let _ = writeln!(
            inside,
            "<path d=\"{path} H{}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\"/>",
            left + width
        );
        let y = top + height - 40.0 + 18.0 * place as f64;
        let _ = writeln!(inside, "<text x=\"{}\" y=\"{y}\" fill=\"{colour}\">{label}</text>", left + width - 60.0);
    }
    save(name, &page(top + height + 30.0, title, &inside));
}
