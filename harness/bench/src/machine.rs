//! The machine, and what else it does: a figure without them says little.

use serde::Serialize;

/// The machine, as Linux tells it; what another system does not tell is left out.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Machine {
    /// Processors that this process may use.
    pub cores: usize,
    /// The processor's name.
    pub model: Option<String>,
    /// Memory in MiB.
    pub memory_mib: Option<u64>,
    /// Processes that ran or wanted to, in the mean of the last 1, 5 and 15 minutes before anything was measured.
    pub load: Option<[f64; 3]>,
}

impl Machine {
    /// This one, now.
    pub fn now() -> Self {
        let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
        Self {
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            model: model(&read("/proc/cpuinfo")),
            memory_mib: memory(&read("/proc/meminfo")),
            load: load(&read("/proc/loadavg")),
        }
    }

    /// Whether so much else ran that the figures tell of that too.
    pub fn is_busy(&self) -> bool {
        self.load
            .is_some_and(|load| load[0] > self.cores as f64 / 2.0)
    }

    /// One line for people.
    pub fn line(&self) -> String {
        let cores = match self.cores {
            1 => "1 core".to_owned(),
            cores => format!("{cores} cores"),
        };
        let model = self.model.as_ref().map(|model| format!(" of {model}"));
        let memory = self
            .memory_mib
            .map(|mib| format!(", {:.1} GiB", mib as f64 / 1024.0));
        let load = self
            .load
            .map(|[one, five, fifteen]| format!(", load before {one:.2} {five:.2} {fifteen:.2}"));
        [Some(cores), model, memory, load]
            .into_iter()
            .flatten()
            .collect()
    }
}

fn model(cpuinfo: &str) -> Option<String> {
    let line = cpuinfo
        .lines()
        .find(|line| line.starts_with("model name"))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}

fn memory(meminfo: &str) -> Option<u64> {
    let line = meminfo
        .lines()
        .find_map(|line| line.strip_prefix("MemTotal:"))?;
    let kib: u64 = line.split_whitespace().next()?.parse().ok()?;
    Some(kib / 1024)
}

fn load(loadavg: &str) -> Option<[f64; 3]> {
    let mut fields = loadavg
        .split_whitespace()
        .map_while(|field| field.parse().ok());
    Some([fields.next()?, fields.next()?, fields.next()?])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_linux_tells() {
        let cpuinfo = "processor\t: 0\nmodel name\t: A Fast One @ 2.00GHz\n\nprocessor\t: 1\nmodel name\t: A Fast One";
        assert_eq!(model(cpuinfo).as_deref(), Some("A Fast One @ 2.00GHz"));
        assert_eq!(
            memory("MemTotal:       2097152 kB\nMemFree: 1 kB"),
            Some(2048)
        );
        assert_eq!(load("1.50 0.25 0.00 2/345 6789\n"), Some([1.5, 0.25, 0.0]));
        assert_eq!((model(""), memory("x"), load("1.5 x")), (None, None, None));
    }

    #[test]
    fn a_line_says_what_is_known() {
        let mut machine = Machine {
            cores: 2,
            ..Machine::default()
        };
        assert_eq!(machine.line(), "2 cores");
        machine.model = Some("A Fast One".to_owned());
        machine.memory_mib = Some(2048);
        machine.load = Some([1.0, 0.5, 0.0]);
        assert_eq!(
            machine.line(),
            "2 cores of A Fast One, 2.0 GiB, load before 1.00 0.50 0.00"
        );
        assert!(!machine.is_busy());
        machine.load = Some([1.01, 0.0, 0.0]);
        assert!(machine.is_busy());
    }
}
