"""Completion by real shells, and the manual page."""

import re
import shutil

from harness import ROOT, expect, expect_in

BASH = r"""
. /usr/share/bash-completion/bash_completion
_completion_loader coppice || [ $? = 124 ]
complete -p coppice | grep -q _coppice || { echo "nothing is loaded"; exit 1; }
COMP_WORDS=("$@")
COMP_CWORD=$(($# - 1))
COMP_LINE="$*"
COMP_POINT=${#COMP_LINE}
compopt() { :; }  # works only while the shell itself completes
_coppice coppice "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}"
printf '%s\n' "${COMPREPLY[@]}"
"""

# An interactive zsh in a terminal of its own, made by zpty: each line is typed, then the key that
# lists what could follow, and the line is taken back. Keys come after the prompt: before it zsh does
# not read them, but the terminal.
ZSH = r"""
zmodload zsh/zpty
settings=$1; folder=$2; shift 2
zpty z zsh -f -i
zpty -w z "PS1='READY> '; $settings"
zpty -w z 'zstyle ":completion:*" list-separator "--"; LISTMAX=0; setopt nobeep; unsetopt automenu'
zpty -w z "bindkey '^T' list-choices; cd $folder; print -r START''ED"
zpty -r -m z seen '*STARTED*READY> *' || exit 1
for line; do
  zpty -w -n z $line$'\x14\x15print -r FINI""SHED\n'
  zpty -r -m z seen '*FINISHED*READY> *' || exit 1
  print -r -- $seen
  print -r -- "=== next"
done
zpty -d z
"""

def complete_in_bash(place, *words, cwd=ROOT):
    data = {"XDG_DATA_DIRS": str(place.prefix / "share")}
    said = place.run("bash", "-c", BASH, "bash", *words, cwd=cwd, environment=data)
    return sorted(word for word in said.splitlines() if word)


def bash_loads_and_completes(place):
    folder = place.fresh()
    (folder / "projects").mkdir()
    (folder / "notes.txt").touch()
    expect(complete_in_bash(place, "coppice", ""), ["--help", "--version", "completion", "new"])
    expect(complete_in_bash(place, "coppice", "n"), ["new"])
    expect(complete_in_bash(place, "coppice", "new", "-"),
           ["--build", "--dir", "--help", "--module", "--sup"])
    expect(complete_in_bash(place, "coppice", "new", "--sup", "--b"), ["--build"])
    expect(complete_in_bash(place, "coppice", "new", "--sup", "shop", "--s"), [])
    expect(complete_in_bash(place, "coppice", "new", "--build", "c"), ["cmake"])
    expect(complete_in_bash(place, "coppice", "new", "--dir", "", cwd=folder), ["projects"])
    expect(complete_in_bash(place, "coppice", "new", "p", cwd=folder), ["projects"])
    expect(complete_in_bash(place, "coppice", "new", "--module", ""), [])
    expect(complete_in_bash(place, "coppice", "completion", "z"), ["zsh"])
    installed = place.prefix / "share/bash-completion/completions/coppice"
    expect(place.run(place.program, "completion", "bash", cwd=ROOT), installed.read_text())


def listed_by_zsh(place, settings, folder, *lines):
    """What zsh lists when it is asked to complete each of the lines."""
    said = place.run("zsh", "-f", "-c", ZSH, "zsh", settings, folder, *lines, cwd=folder,
                     environment={"TERM": "dumb", "COLUMNS": "100"})
    listed = said.split("=== next\n")
    expect(len(listed), len(lines) + 1)
    return listed[:-1]


def zsh_loads_and_completes(place):
    folder = place.fresh()
    (folder / "projects").mkdir()
    (folder / "notes.txt").touch()
    functions = place.prefix / "share/zsh/site-functions"
    commands, options, systems, folders, shells = listed_by_zsh(
        place, f"FPATH={functions}:$FPATH; autoload -Uz compinit; compinit -u -D", folder,
        "coppice ", "coppice new --", "coppice new --build ", "coppice new --dir ",
        "coppice completion ")
    expect_in("new ", commands)
    expect_in("completion ", commands)
    for option in ("--sup", "--module", "--dir", "--build", "--help"):
        expect_in(option + " ", options)
    expect_in("cmake", systems)
    expect_in("meson", systems)
    expect_in("projects", folders)
    assert "notes.txt" not in folders, folders
    expect_in("bash", shells)
    expect(place.run(place.program, "completion", "zsh", cwd=ROOT),
           (functions / "_coppice").read_text())


def zsh_takes_the_completion_from_a_line_of_the_settings(place):
    settings = f'autoload -Uz compinit; compinit -u -D; eval "$({place.program} completion zsh)"'
    (listed,) = listed_by_zsh(place, settings, place.fresh(), "coppice ")
    expect_in("completion ", listed)


def options_in(text):
    return set(re.findall(r"(?<![\w-])--[a-z]+", text))


def help_manual_and_completions_know_the_same_options(place):
    told = {command: place.run(place.program, *command, "--help", cwd=ROOT)
            for command in ((), ("new",), ("completion",))}
    known = set().union(*(options_in(text) for text in told.values()))
    assert {"--sup", "--version"} <= known, known
    manual = (place.prefix / "share/man/man1/coppice.1").read_text().replace("\\-", "-")
    # The example has options of meson.
    expect(options_in(manual.partition(".SH EXAMPLES")[0]), known)
    for name in ("completion/coppice.bash", "completion/_coppice"):
        text = (ROOT / "src/command" / name).read_text()
        # What is passed to other programs stands behind a blank and --.
        expect(options_in(text), known)
    for command in ("new", "completion"):
        expect_in(f"\n  {command} ", told[()])
        expect_in(f"coppice {command}", manual)
    for status in ("0", "1", "2"):
        expect_in(f".TP\n.B {status}\n", manual)
        expect_in(f"{status} ", told[()].partition("Exit codes:")[2])


def the_manual_page_is_well_formed(place):
    manual = place.prefix / "share/man/man1/coppice.1"
    if shutil.which("mandoc"):
        said = place.run("mandoc", "-T", "lint", "-W", "warning", manual, cwd=ROOT)
        expect(said, "")
    expect(place.run("groff", "-man", "-ww", "-z", manual, cwd=ROOT), "")
    shown = place.run("man", "-l", manual, cwd=ROOT, environment={"MANPAGER": "cat", "MANWIDTH": "80"})
    expect_in("--module NAMESPACE", re.sub(".\b", "", shown))


TESTS = [
    bash_loads_and_completes,
    zsh_loads_and_completes,
    zsh_takes_the_completion_from_a_line_of_the_settings,
    help_manual_and_completions_know_the_same_options,
    the_manual_page_is_well_formed,
]
