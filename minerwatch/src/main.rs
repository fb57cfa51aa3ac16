//! scratch
fn main() {
    tracing_subscriber::fmt().with_max_level(tracing::Level::DEBUG).with_writer(std::io::stderr).init();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let mut sensor = minerwatch::sensor::Sensor::open(&Default::default()).unwrap_or_else(|e| panic!("{e}"));
        for s in &sensor.report().services { println!("{:?} {:?} {:?}", s.purpose, s.hook, s.refused); }
        let mut rings = sensor.take_rings().unwrap();
        let end = tokio::time::Instant::now() + std::time::Duration::from_secs(std::env::args().nth(1).map_or(3, |a| a.parse().unwrap()));
        let mut counts = [0u64; 8];
        while tokio::time::timeout_at(end, rings.readable()).await.is_ok() {
            while rings.drain(256, |r| { counts[r[0] as usize & 7] += 1; println!("{}", serde_json::to_string(&minerwatch::decode::decode(r).unwrap()).unwrap()); }) {}
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
        println!("{counts:?}");
        for (l, n) in sensor.losses().read() { if n > 0 { println!("{} {n}", l.name()); } }
    });
}
