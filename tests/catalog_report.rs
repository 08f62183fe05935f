//! `make catalog`: how large the built-in catalog is, what is missing in it, which facts are old, and what is at its end.
//! `catalog TODAY DAYS`: facts read more than DAYS before TODAY (`2026-11-25`) are listed as stale.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a report is printed")]

use std::{collections::BTreeMap, process::ExitCode};

use junto::catalog::Catalog;

/// Days since some day long ago; `None` where the text is no date.
fn day(text: &str) -> Option<i64> {
    let mut parts = text.splitn(3, '-').map(|part| part.parse::<i64>().ok());
    let (year, month, day) = (parts.next()??, parts.next()??, parts.next().unwrap_or(Some(1))?);
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    Some(365 * year + year / 4 - year / 100 + year / 400 + (153 * month + 2) / 5 + day)
}

#[derive(Default)]
struct Row {
    endpoints: usize,
    unpriced: usize,
    oldest: Option<String>,
    stale: usize,
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (Some(today), Some(limit)) =
        (arguments.first().and_then(|text| day(text)), arguments.get(1).and_then(|text| text.parse::<i64>().ok()))
    else {
        eprintln!("catalog TODAY DAYS, such as: catalog 2026-11-25 90");
        return ExitCode::FAILURE;
    };
    let catalog = match Catalog::unpack() {
        Ok(catalog) => catalog,
        Err(error) => {
            eprintln!("{error}");
            return ExitCode::FAILURE;
        }
    };
    let mut rows: BTreeMap<&str, Row> = BTreeMap::new();
    for offer in catalog.models().flat_map(|model| &model.endpoints) {
        let row = rows.entry(&offer.provider).or_default();
        row.endpoints += 1;
        row.unpriced += usize::from(offer.pricing.is_none());
        let read = offer.source.as_ref().map_or("", |source| &source.read);
        row.stale += usize::from(day(read).is_none_or(|read| today - read > limit));
        if row.oldest.as_deref().is_none_or(|oldest| read < oldest) {
            row.oldest = Some(read.to_owned());
        }
    }
    let total: usize = rows.values().map(|row| row.endpoints).sum();
    println!("{} models, {total} endpoints, {} providers\n", catalog.models().len(), rows.len());
    println!("{:<24} {:>9} {:>9} {:>7}  oldest fact", "provider", "endpoints", "no price", "stale");
    for (provider, row) in &rows {
        println!("{provider:<24} {:>9} {:>9} {:>7}  {}", row.endpoints, row.unpriced, row.stale, row.oldest.as_deref().unwrap_or("?"));
    }
    let sum = |count: fn(&Row) -> usize| rows.values().map(count).sum::<usize>();
    println!(
        "{:<24} {total:>9} {:>9} {:>7}  (stale: read more than {limit} days ago)",
        "together",
        sum(|row| row.unpriced),
        sum(|row| row.stale)
    );

    let mut ends: Vec<_> = catalog.models().filter_map(|model| Some((model.retires.as_deref()?, model))).collect();
    ends.sort_by_key(|(when, model)| (*when, model.slug.clone()));
    let (stopped, soon): (Vec<_>, Vec<_>) = ends
        .into_iter()
        .filter(|(when, _)| day(when).is_none_or(|when| when - today < limit))
        .partition(|(when, _)| day(when).is_some_and(|when| when <= today));
    println!("\nstopped by their authors, and still listed at:");
    for (when, model) in stopped {
        let at: Vec<_> = model.endpoints.iter().map(|offer| &*offer.provider).collect();
        println!("  {when}  {:<40} {}", model.slug, at.join(", "));
    }
    println!("\nto be stopped by their authors within {limit} days:");
    for (when, model) in soon {
        println!("  {when}  {}", model.slug);
    }
    ExitCode::SUCCESS
}
