//! The command line of a service, with its environment behind it.

use std::{
    env,
    ffi::{OsStr, OsString},
    path::PathBuf,
};

use clap::{
    Arg, Command, Error, Parser,
    builder::{OsStringValueParser, StyledStr, TypedValueParser},
    error::{ContextKind, ContextValue, ErrorKind},
};

/// What command line and environment say. A variable that is there and empty counts as unset: this is how Compose and
/// CI hand on what nobody has set. Where something is wrong, or help is asked for, this says so and ends the process.
pub fn command_line<C: Parser>() -> C {
    read(env::args_os().collect(), |name| env::var_os(name)).unwrap_or_else(|error| error.exit())
}

fn read<C: Parser>(
    args: Vec<OsString>,
    variable: impl Fn(&OsStr) -> Option<OsString>,
) -> Result<C, Error> {
    let is_empty = |name: &OsStr| variable(name).is_some_and(|value| value.is_empty());
    let mut command = without_empty(C::command(), &is_empty);
    let read = command.try_get_matches_from_mut(&args);
    let read = read.and_then(|mut matches| {
        C::from_arg_matches_mut(&mut matches).map_err(|error| error.format(&mut command))
    });
    read.map_err(|error| with_variable(error, &command, &args, &variable))
}

fn without_empty(command: Command, is_empty: &dyn Fn(&OsStr) -> bool) -> Command {
    let unset = |arg: Arg| match arg.get_env() {
        Some(name) if is_empty(name) => arg.env(None::<&'static str>),
        _ => arg,
    };
    let command = command.mut_args(unset);
    command.mut_subcommands(|below| without_empty(below, is_empty))
}

/// The error, with the variable that gave the value where no argument did; clap names the flag alone.
fn with_variable(
    mut error: Error,
    command: &Command,
    args: &[OsString],
    variable: &impl Fn(&OsStr) -> Option<OsString>,
) -> Error {
    let mut variables = Vec::new();
    collect(command, &mut variables);
    let told = match error.kind() {
        // clap would say that an argument is not.
        ErrorKind::InvalidUtf8 if args.iter().all(|arg| arg.to_str().is_some()) => {
            let odd = |name: &OsStr| variable(name).is_some_and(|value| value.to_str().is_none());
            let odd = variables.iter().find(|(_, name)| odd(name));
            odd.map(|(_, name)| format!("{} is not UTF-8", name.display()))
        }
        _ => error.get(ContextKind::InvalidArg).and_then(|context| {
            let shown = context.to_string();
            let flag = shown.split([' ', '=']).next()?;
            let given = |arg: &OsString| arg.to_str().is_some_and(|arg| begins(arg, flag));
            let name = match args.iter().any(given) {
                true => return None,
                false => &variables.iter().find(|(known, _)| known == flag)?.1,
            };
            variable(name)?;
            Some(format!("the value is that of {}", name.display()))
        }),
    };
    if let Some(told) = told {
        let tip = ContextValue::StyledStrs(vec![StyledStr::from(told)]);
        error.insert(ContextKind::Suggested, tip);
    }
    error
}

/// Whether `arg` is the flag, alone or with its value.
fn begins(arg: &str, flag: &str) -> bool {
    let rest = arg.strip_prefix(flag);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('='))
}

/// The flags that have a variable, with it.
fn collect(command: &Command, into: &mut Vec<(String, OsString)>) {
    for arg in command.get_arguments() {
        if let (Some(long), Some(name)) = (arg.get_long(), arg.get_env()) {
            into.push((format!("--{long}"), name.to_owned()));
        }
    }
    for below in command.get_subcommands() {
        collect(below, into);
    }
}

/// Reads a path, and refuses one that begins with `~`: Compose, systemd and files of variables hand it on as it stands,
/// and it would become a folder of that name.
pub fn path() -> impl TypedValueParser<Value = PathBuf> {
    OsStringValueParser::new().try_map(|text| {
        let path = PathBuf::from(text);
        if path.as_os_str().is_empty() {
            return Err("it is empty");
        }
        match path.components().next() {
            Some(first) if first.as_os_str() == "~" => {
                Err("nobody fills in the `~` here: write the whole path, or ./~ for a folder of that name")
            }
            _ => Ok(path),
        }
    })
}

#[cfg(test)]
mod tests {
    use std::os::unix::ffi::OsStrExt;

    use super::*;

    #[derive(Debug, Parser)]
    struct Cli {
        #[arg(long, env = "PORT", default_value_t = 7)]
        port: u16,
        #[arg(long, env = "FILE", value_parser = path())]
        file: Option<PathBuf>,
        #[command(subcommand)]
        below: Option<Below>,
    }

    #[derive(Debug, clap::Subcommand)]
    enum Below {
        Ask {
            #[arg(long, env = "ADDRESS", default_value = "here")]
            address: String,
        },
    }

    /// clap reads the process's own environment, which a test cannot set; what it is told here it takes for that.
    fn said(args: &[&str], variable: &[(&str, &str)]) -> Result<Cli, String> {
        let args = [&["x"], args].concat().iter().map(OsString::from).collect();
        let of = |name: &OsStr| {
            let found = variable.iter().find(|(known, _)| name == *known);
            found.map(|(_, value)| OsString::from(value))
        };
        read(args, of).map_err(|error| error.to_string())
    }

    #[test]
    fn an_empty_variable_is_no_variable_at_any_depth() {
        let is_empty = |name: &OsStr| name != "FILE";
        let command = without_empty(<Cli as clap::CommandFactory>::command(), &is_empty);
        let mut left = Vec::new();
        collect(&command, &mut left);
        assert_eq!(left, [("--file".to_owned(), OsString::from("FILE"))]);
        let cli = said(&["ask"], &[]).unwrap();
        assert_eq!((cli.port, cli.file), (7, None));
        let Some(Below::Ask { address }) = cli.below else {
            panic!("it was said");
        };
        assert_eq!(address, "here");
    }

    #[test]
    fn an_error_names_the_variable_where_no_argument_was_given() {
        let command = <Cli as clap::CommandFactory>::command;
        let wrong = || {
            let args = ["x", "--port", "many"];
            command().try_get_matches_from(args).unwrap_err()
        };
        let set = |name: &OsStr| (name == "PORT").then(|| OsString::from("many"));
        let told = |args: &[&str]| {
            let args: Vec<OsString> = args.iter().map(OsString::from).collect();
            with_variable(wrong(), &command(), &args, &set).to_string()
        };
        let of_variable = told(&["x"]);
        assert!(
            of_variable.contains("the value is that of PORT"),
            "{of_variable}"
        );
        for args in [["--port", "many"].as_slice(), &["--port=many"]] {
            let of_argument = told(args);
            assert!(!of_argument.contains("that of"), "{of_argument}");
        }
    }

    #[test]
    fn a_variable_that_is_no_text_is_named() {
        let command = <Cli as clap::CommandFactory>::command;
        let odd = OsStr::from_bytes(b"\xff");
        let args = [OsStr::new("x"), OsStr::new("--port"), odd];
        let error = command().try_get_matches_from(args).unwrap_err();
        let set = |name: &OsStr| match name.to_str()? {
            "PORT" => Some(OsString::from("7")),
            "ADDRESS" => Some(odd.to_owned()),
            _ => None,
        };
        let told = with_variable(error, &command(), &[OsString::from("x")], &set).to_string();
        assert!(told.contains("ADDRESS is not UTF-8"), "{told}");
    }

    #[test]
    fn nobody_fills_in_a_tilde() {
        for path in ["~", "~/x.db", "~/"] {
            let refused = said(&["--file", path], &[]).unwrap_err();
            assert!(refused.contains("write the whole path"), "{refused}");
        }
        let empty = said(&["--file", ""], &[]).unwrap_err();
        assert!(empty.contains("it is empty"), "{empty}");
        for path in ["./~", "a~", "~a", "/~/b"] {
            let taken = said(&["--file", path], &[]).unwrap();
            assert_eq!(taken.file, Some(PathBuf::from(path)));
        }
    }
}
