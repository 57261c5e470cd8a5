use workflow_model::{check::*, mutation::*, protocol::*};
fn main() {
    let a: Vec<String> = std::env::args().collect();
    let n = |i: usize, d: usize| a.get(i).and_then(|x| x.parse().ok()).unwrap_or(d);
    let names = a.get(5).cloned().unwrap_or_default();
    let mutations: Vec<Mutation> = Mutation::ALL.iter().copied().filter(|m| names.split(',').any(|n| format!("{m:?}") == n)).collect();
    let m = Model { mutations: mutations.clone(), faults: n(1, 1) as u8, gifts: n(2, 1) as u8, events: n(3, 3) as u8, history_has_key: a.get(6).is_some_and(|x| x.contains('k')), beats_while_giving: a.get(6).is_some_and(|x| x.contains('b')) };
    let t = std::time::Instant::now();
    let s = check(&m, n(4, 20_000_000));
    println!("{mutations:?} states {} transitions {} depth {} in {:?}", s.states, s.transitions, s.depth, t.elapsed());
    if let Some(f) = &s.found { println!("{f}"); } else { println!("{:?}", s.steps);
      println!("never: {:?}", What::ALL.iter().filter(|w| !s.steps.contains_key(w)).collect::<Vec<_>>()); }
}
