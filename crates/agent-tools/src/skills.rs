//! Skills: unpacked for the file tools, written down for the model.

use std::{collections::HashMap, fs, path::Path};

use crate::{error::ToolsError, toolset::SkillFiles};

/// Below the folder of an agent.
pub(crate) const FOLDER: &str = "skills";

const LONGEST: usize = 100;
const MOST_LISTED: usize = 200;

/// The part of the system prompt that tells of the skills: each SKILL.md whole, and which files there are. Empty without
/// skills.
///
/// # Errors
/// When an archive is none.
pub fn skills_prompt(skills: &[SkillFiles]) -> Result<String, ToolsError> {
    let mut prompt = String::new();
    for skill in skills {
        if prompt.is_empty() {
            prompt.push_str(
                "# Skills\n\nFollow a skill's instructions when the task is of its kind. Its files can be read with the \
                 tool `read_file` and listed with `list_files`.\n",
            );
        }
        let info =
            skill_archive::check(&skill.archive).map_err(|error| bad(skill, &error.to_string()))?;
        let name = &skill.name;
        prompt.push_str(&format!("\n## Skill: {name}\n\n{}\n", info.skill_md.trim()));
        prompt.push_str(&format!("\nFiles of this skill, in `{FOLDER}/{name}/`:\n"));
        for file in info.files.iter().take(MOST_LISTED) {
            prompt.push_str(&format!("- {FOLDER}/{name}/{file}\n"));
        }
        if let Some(more @ 1..) = info.files.len().checked_sub(MOST_LISTED) {
            prompt.push_str(&format!("- and {more} more\n"));
        }
    }
    Ok(prompt)
}

/// Unpacks what is not unpacked yet. `done` says what is, by name.
pub(crate) fn unpack(
    folder: &Path,
    skills: &[SkillFiles],
    done: &mut HashMap<String, String>,
) -> Result<(), ToolsError> {
    let skills_folder = folder.join(FOLDER);
    for (i, skill) in skills.iter().enumerate() {
        check_name(skill)?;
        if skills[..i].iter().any(|other| other.name == skill.name) {
            return Err(bad(skill, "the agent has two skills of this name"));
        }
        match done.get(&skill.name) {
            Some(version) if *version == skill.version_hash => continue,
            Some(version) => {
                return Err(bad(
                    skill,
                    &format!("this execution already uses version {version}"),
                ));
            }
            None => {}
        }
        let io = |error: std::io::Error| {
            ToolsError::transient(format!(
                "the skill {} cannot be unpacked: {error}",
                skill.name
            ))
        };
        fs::create_dir_all(&skills_folder).map_err(io)?;
        match skill_archive::unpack(&skill.archive, &skills_folder.join(&skill.name)) {
            Ok(_) => {}
            Err(error) if error.is_of_the_skill() => return Err(bad(skill, &error.to_string())),
            Err(error) => {
                return Err(ToolsError::transient(format!(
                    "the skill {} cannot be unpacked: {error}",
                    skill.name
                )));
            }
        }
        done.insert(skill.name.clone(), skill.version_hash.clone());
    }
    Ok(())
}

/// A name becomes a folder's.
fn check_name(skill: &SkillFiles) -> Result<(), ToolsError> {
    let name = &skill.name;
    let ok = |c: char| c.is_alphanumeric() || " ._-".contains(c);
    if name.is_empty() || name.len() > LONGEST || name.starts_with('.') || !name.chars().all(ok) {
        return Err(bad(
            skill,
            "its name must be letters, digits, spaces, _, - and ., not begin with . and have at most 100 bytes",
        ));
    }
    Ok(())
}

fn bad(skill: &SkillFiles, why: &str) -> ToolsError {
    ToolsError::permanent(format!("the skill {:?} cannot be used: {why}", skill.name))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn skill(name: &str) -> SkillFiles {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("SKILL.md"), format!("# {name}\n\nDo it.\n")).unwrap();
        fs::write(dir.path().join("notes.txt"), "notes").unwrap();
        SkillFiles {
            name: name.to_owned(),
            version_hash: "1".to_owned(),
            archive: skill_archive::pack(dir.path()).unwrap(),
        }
    }

    #[test]
    fn the_prompt_tells_what_to_do_and_what_there_is() {
        assert_eq!(skills_prompt(&[]).unwrap(), "");
        let prompt = skills_prompt(&[skill("knots"), skill("maps")]).unwrap();
        assert!(prompt.contains("## Skill: knots\n\n# knots\n\nDo it.\n\nFiles of this skill, in `skills/knots/`:\n- skills/knots/SKILL.md\n- skills/knots/notes.txt\n\n## Skill: maps"), "{prompt}");
        assert_eq!(prompt.matches("# Skills").count(), 1);
        let mut broken = skill("knots");
        broken.archive.truncate(30);
        let told = skills_prompt(&[broken]).unwrap_err();
        assert!(
            !told.is_transient() && told.message.contains("knots"),
            "{told}"
        );
    }

    #[test]
    fn of_very_many_files_the_first_are_told_and_the_rest_is_counted() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("SKILL.md"), "# knots").unwrap();
        for file in 1..MOST_LISTED {
            fs::write(dir.path().join(format!("{file:03}.txt")), "notes").unwrap();
        }
        let told = || {
            let archive = skill_archive::pack(dir.path()).unwrap();
            let knots = SkillFiles {
                archive,
                ..skill("knots")
            };
            skills_prompt(&[knots]).unwrap()
        };
        let all = told();
        assert_eq!(all.matches("\n- ").count(), MOST_LISTED, "{all}");
        fs::write(dir.path().join("later.txt"), "notes").unwrap();
        assert_eq!(told(), format!("{all}- and 1 more\n"));
    }

    #[test]
    fn a_skill_is_unpacked_once_and_no_name_leads_out() {
        let dir = tempfile::tempdir().unwrap();
        let mut done = HashMap::new();
        unpack(dir.path(), &[skill("knots")], &mut done).unwrap();
        let file = dir.path().join("skills/knots/notes.txt");
        fs::write(&file, "seen").unwrap();
        unpack(dir.path(), &[skill("knots")], &mut done).unwrap();
        assert_eq!(fs::read_to_string(file).unwrap(), "seen");

        for name in ["", ".", "..", "../x", "a/b", "/x", "a\\b", "a\nb", ".git"] {
            let told = unpack(dir.path(), &[skill(name)], &mut done).unwrap_err();
            assert!(!told.is_transient(), "{name}: {told}");
        }
        let (longest, longer) = ("x".repeat(LONGEST), "x".repeat(LONGEST + 1));
        assert!(check_name(&skill(&longest)).is_ok() && check_name(&skill(&longer)).is_err());
        let twice = unpack(dir.path(), &[skill("a"), skill("a")], &mut done).unwrap_err();
        assert!(twice.message.contains("two skills"), "{twice}");
        let mut other = skill("knots");
        other.version_hash = "2".to_owned();
        let told = unpack(dir.path(), &[other], &mut done).unwrap_err();
        assert!(told.message.contains("already uses version 1"), "{told}");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }
}
