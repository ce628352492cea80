"""Completions for bash and zsh: commands, their options, files where an option or operand is one, protocols, and the
parameters that a protocol has for `parameter=value`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from meterd.cli.options import FLAG, LIST

from .commands import parameters, programs

if TYPE_CHECKING:
    from collections.abc import Sequence

    from meterd.cli.options import Option

    from .commands import Command

MADE = "# Made by `python -m tools.manual` from the option tables of the program; do not edit."
FILES, PROTOCOLS, DESCRIBED, WORDS = "files", "protocols", "described", "words"


def takes(metavar: str) -> str:
    """What an option's value is, by its name in the help."""
    if metavar.startswith(("FILE", "DIR", "PATH", "LINK")):
        return FILES
    return PROTOCOLS if metavar.startswith("PROTOCOL") else WORDS


def operands(command: Command) -> str:
    """What a command's operands are, by their names in the help."""
    if "parameter=value" in command.operands:
        return DESCRIBED
    if command.operands.startswith(("PROTOCOL", "[PROTOCOL")):
        return PROTOCOLS
    return FILES if "FILE" in command.operands else WORDS


# ---- bash

BASH = """\
{made}
# shellcheck shell=bash
_meterd_options() {{
    case $1 in
{options}
    esac
}}
_meterd_parameters() {{
    case $1 in
{parameters}
    esac
}}
# What a word may be: completed from `compgen`, a name at a time.
_meterd_among() {{
    local found
    COMPREPLY=()
    while read -r found; do COMPREPLY+=("$found"); done < <(compgen "$@" -- "$word")
}}
_meterd_described() {{
    local protocol
    for protocol in "${{COMP_WORDS[@]:1}}"; do
        case $protocol in {either}) compopt -o nospace
            _meterd_among -S = -W "$(_meterd_parameters "$protocol")"
            return ;;
        esac
    done
    compopt -o default
    _meterd_among -W "{programs}"
}}
_meterd() {{
    local word=${{COMP_WORDS[COMP_CWORD]}} before=${{COMP_WORDS[COMP_CWORD - 1]}} command=${{1##*/}}
    if [ "$command" = meterd ]; then
        if [ "$COMP_CWORD" -eq 1 ]; then
            _meterd_among -W "{commands}"
            return
        fi
        command="meterd ${{COMP_WORDS[1]}}"
    fi
    if [[ $word == -* ]]; then
        _meterd_among -W "$(_meterd_options "$command")"
        return
    fi
    case $before in
    {files}) compopt -o default; COMPREPLY=(); return ;;
    {protocols}) _meterd_among -W "{programs}"; return ;;
    =) compopt -o default; COMPREPLY=(); return ;;
    esac
    case $command in
    "meterd help") _meterd_among -W "{commands}" ;;
    {described}) _meterd_described ;;
    {by_protocol}) _meterd_among -W "{programs}" ;;
    *) compopt -o default; COMPREPLY=() ;;
    esac
}}
complete -F _meterd meterd {debug}
"""


def bash(commands: Sequence[Command]) -> str:
    """/usr/share/bash-completion/completions/meterd"""
    every = [option for command in commands for option in command.options]
    return BASH.format(
        made=MADE,
        options="\n".join(f'    "{command.name}") echo "{_names(command)}" ;;' for command in commands),
        parameters="\n".join(f'    {program}) echo "{" ".join(parameters(program))}" ;;' for program in programs()),
        either=" | ".join(programs()),
        programs=" ".join(programs()),
        commands=" ".join([*_own(commands), "help"]),
        files=_patterns(name for option in every if takes(option.metavar) == FILES for name in option.names),
        protocols=_patterns(name for option in every if takes(option.metavar) == PROTOCOLS for name in option.names),
        described=_patterns(f'"{command.name}"' for command in commands if operands(command) == DESCRIBED),
        by_protocol=_patterns(f'"{command.name}"' for command in commands if operands(command) == PROTOCOLS),
        debug=" ".join(command.name for command in commands if not command.name.startswith("meterd ")),
    )


def _own(commands: Sequence[Command]) -> list[str]:
    return [command.name.removeprefix("meterd ") for command in commands if command.name.startswith("meterd ")]


def _names(command: Command) -> str:
    return " ".join(name for option in command.options for name in option.names)


def _patterns(names) -> str:  # type: ignore[no-untyped-def]
    return " | ".join(sorted(set(names)))


# ---- zsh

ZSH = """\
#compdef meterd {debug}
{made}
_meterd_protocols() {{ compadd -- {programs} }}
_meterd_described() {{
    local protocol
    for protocol in $words; do
        case $protocol in
{parameters}
        esac
    done
    _alternative 'protocols:protocol:_meterd_protocols' 'files:file:_files'
}}
_meterd() {{
    local name=$words[1]:t
    if [[ $name == meterd ]]; then
        if (( CURRENT == 2 )); then
            local -a commands
            commands=(
{commands}
            )
            _describe command commands
            return
        fi
        shift words
        (( CURRENT-- ))
        name="meterd $words[1]"
    fi
    case $name in
    'meterd help') compadd -- {own} ;;
{cases}
    esac
}}
_meterd "$@"
"""
ACTIONS = {FILES: "_files", PROTOCOLS: "_meterd_protocols", DESCRIBED: "_meterd_described", WORDS: " "}


def zsh(commands: Sequence[Command]) -> str:
    """/usr/share/zsh/site-functions/_meterd"""
    return ZSH.format(
        made=MADE,
        debug=" ".join(command.name for command in commands if not command.name.startswith("meterd ")),
        programs=" ".join(programs()),
        parameters="\n".join(
            f"        ({program}) compadd -S = -- {' '.join(parameters(program))}; return ;;" for program in programs()
        ),
        commands="\n".join(
            f"                {_quoted(f'{name}:{command.summary}')}"
            for name, command in zip(_own(commands), commands, strict=False)
        ),
        own=" ".join(_own(commands)),
        cases="\n".join(map(_case, commands)),
    )


def _case(command: Command) -> str:
    rows = [f"    ({_quoted(command.name)}) _arguments -s"]
    rows += [f"        {_argument(option)}" for option in command.options]
    rows.append(f"        {_quoted(f'*:operand:{ACTIONS[operands(command)]}')} ;;")
    return " \\\n".join(rows)


def _argument(option: Option) -> str:
    names = " ".join(option.names)
    help = option.help.replace("[", "\\[").replace("]", "\\]").replace(":", "\\:")
    value = "" if option.kind == FLAG else f":{option.metavar}:{ACTIONS[takes(option.metavar)]}"
    more = "*" if option.kind == LIST else f"({names})"
    return "".join(
        [f"{_quoted(more)}{{{','.join(option.names)}}}" if len(option.names) > 1 else _quoted(more + names)]
    ) + _quoted(f"[{help}]{value}")


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "'\\''") + "'"
